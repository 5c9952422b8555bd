//! Flags as Go programs have them: `-out` is `--out`.

use std::ffi::OsString;
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

/// Prints what clap has to say. A wrong command line is an error like any other: code 1, since 2 means changes.
pub(crate) fn refuse(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
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
    fn what_is_no_flag_stays() {
        check(&["plan", "-", "-5", "--", "-out"], &["plan", "-", "-5", "--", "-out"]);
    }
}
