//! docs/recipes/adding-an-action.md is true: each file that it names is there and has in it what it says, and each action went that way.

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What stands between quotation marks in the lines from `from` to `to`.
fn quoted(text: &str, from: &str, to: &str) -> Vec<String> {
    let (_, rest) = text.split_once(from).unwrap_or_else(|| panic!("`{from}` is not there"));
    let (inner, _) = rest.split_once(to).unwrap();
    inner.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn w05_the_recipe_for_an_action_names_what_is_there() {
    let recipe = read("docs/recipes/adding-an-action.md");
    let named: Vec<&str> = recipe.split('`').skip(1).step_by(2).collect();
    for path in named.iter().filter(|named| named.contains('/') && !named.contains('{')) {
        assert!(root().join(path).exists(), "{path} is not there");
    }
    let workflows = "crates/server/src/app/workflows";
    for (file, words) in [
        ("crates/workflow/src/vocabulary.rs".to_owned(), vec!["ACTIONS", "emits", "hands_out", "Secret"]),
        (format!("{workflows}/mod.rs"), vec!["CARRIED"]),
        (format!("{workflows}/inside/mod.rs"), vec!["fn own", "fn for_now", "fn final_one"]),
        (format!("{workflows}/outside/mod.rs"), vec!["fn run_errand", "fn ask", "fn need_secret", "idempotency_key"]),
        ("tests/it/workflows/door.rs".to_owned(), vec!["fn callers"]),
    ] {
        let text = read(&file);
        for word in words {
            let last = word.rsplit(' ').next().unwrap();
            assert!(text.contains(word), "{file} has no `{word}`");
            assert!(recipe.contains(last), "the recipe does not say `{last}`");
        }
    }
}

/// Each action that is carried out has an arm where the recipe says, is told of in the guide, and is attacked if it calls somebody.
#[test]
fn w05_each_action_went_the_way_of_the_recipe() {
    let workflows = "crates/server/src/app/workflows";
    let carried = quoted(&read(&format!("{workflows}/mod.rs")), "const CARRIED: &[&str] = &[", "];");
    assert!(carried.len() >= 18, "{carried:?}");
    let (vocabulary, guide) = (read("crates/workflow/src/vocabulary.rs"), read("docs/guide/workflows.md"));
    // Some have a file of their own beside it.
    let folders = [workflows.to_owned(), format!("{workflows}/inside")];
    let files = folders.iter().flat_map(|folder| std::fs::read_dir(root().join(folder)).unwrap());
    let files = files.map(|file| file.unwrap().path()).filter(|path| path.is_file());
    let inside: String = files.map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let outside = read(&format!("{workflows}/outside/mod.rs"));
    let door = read("tests/it/workflows/door.rs");
    let flat: String = vocabulary.split_whitespace().collect();
    for action in &carried {
        assert!(guide.contains(&format!("| `{action}` |")), "the guide does not tell of {action}");
        let is_outside = flat.contains(&format!("outside(\"{action}\""));
        assert!(is_outside || flat.contains(&format!("inside(\"{action}\"")), "{action} is no word");
        let arm = format!("\"{action}\" =>");
        if is_outside {
            assert!(outside.contains(&arm), "{action} has no arm in run_errand");
            // Mail, text messages and push go by gateways, which are attacked where they are.
            let by_gateways = ["notify.mail", "notify.sms", "notify.push"].contains(&action.as_str());
            assert!(by_gateways || door.contains(&format!("action: {action}\\n")), "{action} is not in callers");
        } else {
            assert!(inside.contains(&arm), "{action} has no arm inside");
        }
    }
}
