//! Prints what is generated of the words of workflows: the JSON Schema, with `alerts` that of rules of alerts, with `tables` the tables of the
//! guide.
#![allow(clippy::print_stdout, reason = "printing is what it is for")]

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("tables") => print!("{}", workflow::tables()),
        Some("alerts") => println!("{:#}", workflow::alert_json_schema()),
        _ => println!("{:#}", workflow::json_schema()),
    }
}
