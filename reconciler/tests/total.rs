//! No text makes the reader panic, loop or fill memory.

use proptest::prelude::*;
use reconciler::render::{self, Style};
use reconciler::{Inventory, Options, Policy, load_text, plan};

/// Reads, shows and plans whatever it is.
fn go_through(text: &str) {
    let loaded = load_text("main.hcl", text, &Options::default());
    render::diagnostics(&loaded.diagnostics, &loaded.sources, Style { color: true });
    let plan = plan(&loaded.desired, &Inventory::default(), &Policy::default());
    render::plan(&plan, Style::plain());
}

const SAMPLE: &str = r#"
variable "env" {
  type    = object({ a = list(string), b = optional(number) })
  default = { a = ["x"] }
}
locals {
  a = [for k, v in { x = 1, "y" = 2.5 } : "${k}-${v}" if v > 1]
  b = { for n in range(3) : "k${n}" => n... }
  c = "%{ for x in local.a ~}${upper(x)}%{ endfor ~}%{ if true }y%{ else }n%{ endif }"
  d = local.a[*]
  e = try(local.nothing, jsonencode({ a = [1, null, true] }))
}
namespace "team" {
  policy "p" {
    for_each = toset(local.a)
    path "kv/*" { capabilities = ["read"] }
  }
  mount "kv" {
    type    = "kv"
    options = { version = 1 + 1 }
    secret "s" { data_json_wo = { p = secret.env("X"), q = "a${secret.file("f")}" } }
  }
  auth "ci" {
    type = "jwt"
    config {
      jwks_url = <<-EOT
        https://${var.env.a[0]}/
      EOT
    }
    role "r" {
      user_claim     = format("%s-%03d", "sub", 7)
      token_policies = [for p in policy.p : p]
    }
  }
}
removed { from = policy.x }
moved {
  from = mount.a
  to   = mount.b
}
"#;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_text_is_read(text in "\\PC{0,200}") {
        go_through(&text);
    }

    #[test]
    fn any_text_of_the_language_is_read(text in "[a-z\"{}\\[\\]()=$%.,:<\\- \n0-9?!*+/&|~]{0,200}") {
        go_through(&text);
    }

    #[test]
    fn a_file_with_a_piece_cut_out_is_read(start in 0..SAMPLE.len(), length in 0_usize..40) {
        let end = (start + length).min(SAMPLE.len());
        go_through(&format!("{}{}", &SAMPLE[..start], &SAMPLE[end..]));
    }

    #[test]
    fn a_file_with_something_put_in_is_read(at in 0..SAMPLE.len(), piece in "[a-z\"{}\\[\\]()=$%.\n0-9ß]{1,8}") {
        go_through(&format!("{}{piece}{}", &SAMPLE[..at], &SAMPLE[at..]));
    }
}

#[test]
fn the_sample_is_sound() {
    let loaded = load_text("main.hcl", SAMPLE, &Options::default());
    // The one thing wrong with it: a move to what is not declared.
    let found: Vec<_> = loaded.diagnostics.iter().map(|found| found.summary.as_str()).collect();
    assert_eq!(found, ["`mount.b` is not declared"]);
}

#[track_caller]
fn check_refused(text: &str, expected: &str) {
    let loaded = load_text("main.hcl", text, &Options::default());
    assert!(
        loaded.diagnostics.iter().any(|found| found.summary.contains(expected)),
        "{:?}",
        loaded.diagnostics
    );
}

#[test]
fn collections_that_double_at_each_step_are_refused() {
    let mut text = "locals {\n  a0 = [1, 2, 3, 4]\n".to_owned();
    for step in 1..60 {
        text.push_str(&format!("  a{step} = concat(local.a{0}, local.a{0})\n", step - 1));
    }
    check_refused(&format!("{text}}}\n"), "more values than there is room for");
}

#[test]
fn texts_that_double_at_each_step_are_refused() {
    let mut text = "locals {\n  a0 = \"xxxxxxxx\"\n".to_owned();
    for step in 1..60 {
        text.push_str(&format!("  a{step} = \"${{local.a{0}}}${{local.a{0}}}\"\n", step - 1));
    }
    check_refused(&format!("{text}}}\n"), "more values than there is room for");
}

#[test]
fn numbers_that_square_at_each_step_are_refused() {
    let mut text = "locals {\n  a0 = 123456789\n".to_owned();
    for step in 1..60 {
        text.push_str(&format!("  a{step} = local.a{0} * local.a{0}\n", step - 1));
    }
    check_refused(&format!("{text}}}\n"), "too many digits");
}

#[test]
fn nested_loops_end() {
    let text = "locals {\n  a = [for x in range(10000) : [for y in range(10000) : [for z in range(10000) : x]]]\n}\n";
    check_refused(text, "more values than there is room for");
}

#[test]
fn a_long_chain_of_locals_is_read() {
    let mut text = "locals {\n  a0 = 1\n".to_owned();
    for step in 1..3000 {
        text.push_str(&format!("  a{step} = local.a{} + 1\n", step - 1));
    }
    let loaded = load_text("main.hcl", &format!("{text}}}\n"), &Options::default());
    assert!(!loaded.has_errors(), "{:?}", loaded.diagnostics.first());
}
