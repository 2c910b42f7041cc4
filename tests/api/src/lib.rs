//! Which types and traits of other crates stand in the public API of a crate, read from what
//! rustdoc writes with `--output-format json`.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::process::{Command, Output};

use serde_json::Value;

/// They come with the compiler.
const STANDARD: [&str; 4] = ["alloc", "core", "proc_macro", "std"];

/// What the crates of this project have in their names.
const OURS: &str = "typed_sessions";

/// The path of each type or trait of another crate, and where in the public API it stands.
pub type Uses = BTreeMap<String, BTreeSet<String>>;

/// The packages of the workspace that are published.
///
/// # Panics
/// When cargo fails.
pub fn published() -> Vec<String> {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("a list of packages");
    let is_published = |package: &&Value| package["publish"].is_null();
    let name = |package: &Value| package["name"].as_str().expect("a name").to_owned();
    packages.iter().filter(is_published).map(name).collect()
}

/// Documents these packages with all their features; what rustdoc says of each, in this order.
///
/// # Panics
/// When cargo fails.
pub fn documented(packages: &[String]) -> Vec<Value> {
    // The whole workspace, as in the other steps of `scripts/test`: so no dependency gets other
    // features, and is built again.
    let mut doc = cargo(&["doc", "--workspace", "--all-features", "--no-deps", "--quiet"]);
    doc.env("RUSTDOC", concat!(env!("CARGO_MANIFEST_DIR"), "/rustdoc"));
    doc.env("RUSTDOCFLAGS", "--cap-lints allow -Z unstable-options --output-format json");
    succeed(&mut doc);
    let metadata = metadata();
    let target = metadata["target_directory"].as_str().expect("a path");
    let read = |package: &String| {
        let file = format!("{target}/doc/{}.json", package.replace('-', "_"));
        json(&std::fs::read(&file).unwrap_or_else(|error| panic!("{file}: {error}")))
    };
    packages.iter().map(read).collect()
}

fn metadata() -> Value {
    json(&succeed(&mut cargo(&["metadata", "--no-deps", "--format-version", "1"])).stdout)
}

/// Cargo as from a shell. The cargo that runs this test has told it in variables which package it
/// is of; build scripts that look at those would run again, here and then there, in turns.
fn cargo(arguments: &[&str]) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    for (name, _) in std::env::vars_os() {
        let starts = |prefix: &&str| name.to_str().is_some_and(|name| name.starts_with(*prefix));
        if ["CARGO_CRATE_", "CARGO_MANIFEST_", "CARGO_PKG_"].iter().any(starts) {
            cargo.env_remove(&name);
        }
    }
    cargo.args(arguments).current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    cargo
}

fn succeed(command: &mut Command) -> Output {
    let output = command.output().expect("cargo starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed:\n{errors}");
    output
}

fn json(text: &[u8]) -> Value {
    serde_json::from_slice(text).expect("JSON")
}

/// The types and traits of other crates in a crate's public API, those of the standard library and
/// of this project's own crates excepted.
pub fn third_party(krate: &Value) -> Uses {
    let api = Api::new(krate);
    let mut uses = Uses::new();
    for item in entries(&krate["index"]) {
        let (kind, body) = inner(item);
        if api.is_foreign_impl(item) {
            continue;
        }
        let mut ids = Vec::new();
        find_ids(body, &mut ids);
        for path in ids.into_iter().filter_map(|id| api.third_party_path(id)) {
            uses.entry(path).or_default().insert(api.place(item, kind));
        }
    }
    uses
}

/// What has to be known of the other items to judge one.
struct Api<'a> {
    krate: &'a Value,
    /// In which type or trait an item is.
    owners: HashMap<u64, &'a str>,
    /// What others implement for every type, and this crate's types among them.
    foreign_impls: HashSet<u64>,
}

impl<'a> Api<'a> {
    fn new(krate: &'a Value) -> Self {
        let (mut owners, mut foreign_impls) = (HashMap::new(), HashSet::new());
        for item in entries(&krate["index"]) {
            let (kind, body) = inner(item);
            let members = ["items", "variants"].map(|list| numbers(&body[list]));
            let fields = numbers(&body["kind"]["plain"]["fields"]);
            let members = members.into_iter().flatten().chain(fields);
            let owner = match kind {
                "module" => continue,
                "impl" => target(&body["for"]),
                _ => item["name"].as_str().unwrap_or_default(),
            };
            if kind == "impl" && (body["is_synthetic"] == true || !body["blanket_impl"].is_null()) {
                foreign_impls.insert(id(item));
                foreign_impls.extend(members);
            } else {
                owners.extend(members.map(|member| (member, owner)));
            }
        }
        Self { krate, owners, foreign_impls }
    }

    fn is_foreign_impl(&self, item: &Value) -> bool {
        self.foreign_impls.contains(&id(item))
    }

    fn third_party_path(&self, id: u64) -> Option<String> {
        let entry = &self.krate["paths"][id.to_string()];
        let home = &self.krate["external_crates"][entry["crate_id"].to_string()]["name"];
        // This crate itself is not among the external ones.
        let home = home.as_str()?;
        if STANDARD.contains(&home) || home.starts_with(OURS) {
            return None;
        }
        let path = entry["path"].as_array()?.iter().filter_map(Value::as_str);
        Some(path.collect::<Vec<_>>().join("::"))
    }

    /// Where it stands, as a reader of the docs would say.
    fn place(&self, item: &Value, kind: &str) -> String {
        let body = &item["inner"][kind];
        let name = item["name"].as_str().unwrap_or_default();
        match (kind, self.owners.get(&id(item))) {
            ("impl", _) => format!("impl for {}", target(&body["for"])),
            ("use", _) => format!("pub use as {}", body["name"].as_str().unwrap_or_default()),
            (_, Some(owner)) => format!("{owner}::{name}"),
            (_, None) => name.to_owned(),
        }
    }
}

/// The items of one of rustdoc's maps.
fn entries(map: &Value) -> impl Iterator<Item = &Value> {
    map.as_object().into_iter().flat_map(serde_json::Map::values)
}

/// What an item is, and what rustdoc says of it.
fn inner(item: &Value) -> (&str, &Value) {
    let parts = item["inner"].as_object().and_then(|inner| inner.iter().next());
    parts.map_or(("", &Value::Null), |(kind, body)| (kind, body))
}

fn id(item: &Value) -> u64 {
    item["id"].as_u64().expect("every item has an id")
}

fn numbers(list: &Value) -> impl Iterator<Item = u64> {
    list.as_array().into_iter().flatten().filter_map(Value::as_u64)
}

/// The type for which something is implemented.
fn target(of: &Value) -> &str {
    of["resolved_path"]["path"].as_str().or(of["generic"].as_str()).unwrap_or("a built-in type")
}

/// Every reference to a type, a trait or a module.
fn find_ids(value: &Value, ids: &mut Vec<u64>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| find_ids(value, ids)),
        Value::Object(map) => {
            ids.extend(map.get("id").and_then(Value::as_u64));
            map.values().for_each(|value| find_ids(value, ids));
        }
        _ => {}
    }
}
