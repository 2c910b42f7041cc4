//! What axe-core finds wrong with a page.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use crate::browser::Browser;

/// The one that npm is asked for.
const VERSION: &str = "4.14.1";

/// What makes this page hard to use for somebody, by axe-core's rules.
///
/// # Panics
/// When axe-core cannot be had.
pub async fn violations(browser: &Browser) -> Vec<String> {
    let run = "const { violations } = await axe.run();
        return violations.flatMap((it) =>
            it.nodes.map((node) => `${it.id}: ${node.target}: ${node.failureSummary}`));";
    let found = browser.script(&format!("{}\n{run}", source())).await;
    let found = found.as_array().expect("a list");
    found.iter().map(|it| it.as_str().unwrap_or_default().to_owned()).collect()
}

/// Downloaded once, and kept beside what cargo builds.
fn source() -> &'static str {
    static SOURCE: OnceLock<String> = OnceLock::new();
    SOURCE.get_or_init(|| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/axe-core");
        let archive = folder.join(format!("axe-core-{VERSION}.tgz"));
        std::fs::create_dir_all(&folder).expect("a folder");
        if !archive.is_file() {
            let package = format!("axe-core@{VERSION}");
            run(Command::new("npm").current_dir(&folder).args(["pack", "--silent", &package]));
        }
        let text = run(Command::new("tar").arg("-xzOf").arg(archive).arg("package/axe.min.js"));
        String::from_utf8(text).expect("a text")
    })
}

fn run(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    output.stdout
}
