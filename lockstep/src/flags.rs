//! Flags as Go programs have them: `-out` is `--out`.

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

/// The arguments with two dashes before every flag. What follows `--` stays as it is.
pub(crate) fn normalized(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut only_values = false;
    let normal = arguments.map(|argument| {
        only_values |= argument == "--";
        match argument.to_str() {
            Some(text) if !only_values && is_long_flag(text) => format!("-{text}").into(),
            _ => argument,
        }
    });
    normal.collect()
}

/// One dash and more than one letter; `-h` and numbers are no such flags.
fn is_long_flag(text: &str) -> bool {
    let Some(name) = text.strip_prefix('-') else { return false };
    name.chars().count() > 1 && name.starts_with(|c: char| c.is_ascii_alphabetic())
}

/// What `apply -h` says besides.
pub(crate) const SAVED_PLANS: &str = "Saved plans: `lockstep plan -out=plan.json` writes one, and \
    `lockstep apply plan.json` does exactly what it says, or nothing if the server has changed since.";

/// What `plan -h`, `apply -h` and `drift -h` say of the server, and of how they end.
pub(crate) const SERVER: &str = "The server is at `BAO_ADDR` and asked with `BAO_TOKEN`, or the token in `~/.vault-token`; \
    `BAO_NAMESPACE` names a namespace that all others are in. `VAULT_…` counts where `BAO_…` is not set.\n\n\
    Exit codes: 0 in sync, or applied; 1 error; 2 changes or drift; 3 blocked; 4 stale plan; 5 partly applied; \
    6 not all could be read.";

/// Prints what clap has to say. A wrong command line is an error like any other: code 1, since 2 means changes.
pub(crate) fn refuse(error: &clap::Error) -> ExitCode {
    let text = shown(&without_value(error));
    // Nobody who reads: then there is nobody to tell.
    if error.use_stderr() {
        let _ = std::io::stderr().write_all(text.as_bytes());
        ExitCode::FAILURE
    } else {
        let _ = std::io::stdout().write_all(text.as_bytes());
        ExitCode::SUCCESS
    }
}

/// What clap says, without the value of a variable: somebody who forgot the `=` may have written a secret there.
fn without_value(error: &clap::Error) -> String {
    use clap::error::{ContextKind, ContextValue};
    let text = error.render().to_string();
    let given = (error.get(ContextKind::InvalidArg), error.get(ContextKind::InvalidValue));
    match given {
        (Some(ContextValue::String(flag)), Some(ContextValue::String(value)))
            if flag.starts_with("--var ") && !value.is_empty() =>
        {
            text.replace(value, "***")
        }
        _ => text,
    }
}

/// The text with flags as people here write them: `-out`, where clap says `--out`.
fn shown(text: &str) -> String {
    let mut pieces = text.split("--");
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let begins = !out.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '-');
        let is_flag = begins && piece.starts_with(|c: char| c.is_ascii_alphabetic());
        out.push_str(if is_flag { "-" } else { "--" });
        out.push_str(piece);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(given: &[&str], expected: &[&str]) {
        let given = given.iter().map(OsString::from);
        assert_eq!(normalized(given), expected.iter().map(OsString::from).collect::<Vec<_>>());
    }

    #[test]
    fn one_dash_is_as_good_as_two() {
        check(
            &["lockstep", "plan", "-out", "p.json", "-var=a=b"],
            &["lockstep", "plan", "--out", "p.json", "--var=a=b"],
        );
        check(&["plan", "--json", "-h"], &["plan", "--json", "-h"]);
        check(
            &["server", "-dev", "-dev-root-token-id=root"],
            &["server", "--dev", "--dev-root-token-id=root"],
        );
    }

    #[test]
    fn help_shows_flags_with_one_dash() {
        for (said, expected) in [
            ("  -h, --help  Print help", "  -h, -help  Print help"),
            ("argument '--nope' found\n[--out <FILE>]", "argument '-nope' found\n[-out <FILE>]"),
            ("after -- all is text, a--b too", "after -- all is text, a--b too"),
        ] {
            assert_eq!(shown(said), expected);
        }
    }

    #[test]
    fn what_is_no_flag_stays() {
        check(&["plan", "-", "-5", "--", "-out"], &["plan", "-", "-5", "--", "-out"]);
    }
}
