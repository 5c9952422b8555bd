//! What people see when a configuration is wrong: `tests/errors/*.md`.

mod support;

use reconciler::render::{self, Style};
use reconciler::{Options, load_text};

#[test]
fn errors_are_shown_with_place_and_hint() {
    support::check_folder("errors", |case| {
        let text = case.blocks.get("hcl").unwrap_or_else(|| panic!("`{}` has no configuration", case.title));
        let loaded = load_text("main.hcl", text, &Options::default());
        assert!(loaded.has_errors(), "`{}` should be wrong", case.title);
        render::diagnostics(&loaded.diagnostics, &loaded.sources, Style::plain())
    });
}
