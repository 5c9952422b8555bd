//! The example provider within the test's own process, under the real `terraform`.

use std::fs;
use std::process::Command;

use tempfile::TempDir;
use tf_provider_sdk::serve_reattach;

#[allow(dead_code, reason = "the example is a program, and its `main` is not wanted here")]
#[path = "../examples/terraform-provider-notes.rs"]
mod notes;

#[tokio::test(flavor = "multi_thread")]
async fn terraform_finds_a_provider_that_runs_already() {
    let folder = TempDir::new().expect("a folder");
    let address = "registry.terraform.io/test/notes";
    let served = serve_reattach(notes::Notes::default(), address).await.expect("served");
    let config = format!(
        "terraform {{\n required_providers {{ notes = {{ source = \"test/notes\" }} }}\n}}\n\
         provider \"notes\" {{ folder = {:?} }}\nresource \"notes_note\" \"one\" {{ title = \"one\" }}\n",
        folder.path()
    );
    fs::write(folder.path().join("main.tf"), config).expect("written");
    for arguments in [&["init"][..], &["apply", "-auto-approve"], &["plan", "-detailed-exitcode"]] {
        let output = Command::new("terraform")
            .args(arguments)
            .arg("-no-color")
            .current_dir(folder.path())
            .env("TF_REATTACH_PROVIDERS", served.environment())
            .env("CHECKPOINT_DISABLE", "1")
            .output()
            .expect("terraform is on PATH");
        assert!(output.status.success(), "{arguments:?}\n{}", String::from_utf8_lossy(&output.stderr));
    }
    served.stop().await;
    let journal = fs::read_to_string(folder.path().join("journal")).expect("a journal");
    assert_eq!(journal, "write one\nshutdown\n");
}
