//! Prints what is generated of the words of workflows: the JSON Schema, or with `tables` the tables of the guide.
#![allow(clippy::print_stdout, reason = "printing is what it is for")]

fn main() {
    if std::env::args().any(|argument| argument == "tables") {
        print!("{}", workflow::tables());
    } else {
        println!("{:#}", workflow::json_schema());
    }
}
