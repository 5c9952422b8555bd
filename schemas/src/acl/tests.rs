//! The language against what OpenBao answered, and against itself.

use std::collections::BTreeMap;

use super::*;

/// One text of `transcripts/texts.md`.
struct Text<'a> {
    policy: &'a str,
    answer: &'a str,
    differs: bool,
}

fn texts() -> Vec<Text<'static>> {
    let sections = include_str!("transcripts/texts.md").split("~~~hcl\n").skip(1);
    let read = |section: &'static str| {
        let (policy, answer) = section.split_once("\n~~~\n").expect("a closing fence");
        let mut lines = answer.lines();
        let answer = lines.next().expect("an answer");
        Text { policy, answer, differs: lines.next().is_some_and(|line| line.starts_with("here: ")) }
    };
    sections.map(read).collect()
}

fn answer(policy: &str) -> String {
    AclPolicy::parse(policy)
        .map_or_else(|error| error.peer_text.replace('\n', "\\n"), |_| "accepted".to_owned())
}

#[test]
fn texts_are_accepted_and_refused_in_the_peers_words() {
    let mut wrong = Vec::new();
    for text in texts() {
        let ours = answer(text.policy);
        if (ours == text.answer) == text.differs {
            wrong.push(format!("{}\n  peer: {}\n  ours: {ours}", text.policy, text.answer));
        }
    }
    assert!(wrong.is_empty(), "{} texts differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_mistake_is_reported_with_its_place() {
    let error = AclPolicy::parse(
        "path \"a\" {\n  capabilities = [\"raed\", \"read\"]\n  bogus = 1\n}\npth \"b\" {}\n",
    )
    .expect_err("three mistakes");
    let lines: Vec<String> = error.findings.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "2:19: unknown capability `raed` (hint: did you mean `read`?)",
            "3:3: unknown key `bogus` (hint: known here: capabilities, policy, allowed_parameters, denied_parameters, \
         required_parameters, min_wrapping_ttl, max_wrapping_ttl, mfa_methods, comment, expiration, \
         pagination_limit, list_scan_response_keys_filter_path, control_group)",
            "5:1: unknown key `pth` (hint: did you mean `path`?)",
        ]
    );
}

#[test]
fn rendering_keeps_the_meaning() {
    for text in texts() {
        let Ok(policy) = AclPolicy::parse(text.policy) else { continue };
        let rendered = policy.to_string();
        let again = AclPolicy::parse(&rendered).unwrap_or_else(|error| panic!("{rendered}\n{error}"));
        assert_eq!(again.to_string(), rendered);
        assert!(AclPolicy::same(text.policy, &rendered), "{}\n{rendered}", text.policy);
    }
}

#[test]
fn meaning_ignores_layout_and_wording() {
    let same = [
        (
            "path \"a\" { capabilities = [\"read\", \"list\"] }",
            "# x\npath \"/a\" {\n policy = \"read\" // y\n}\n",
        ),
        (
            "path \"a\" { capabilities = [\"read\"] }\npath \"a\" { capabilities = [\"list\"] }",
            "{\"path\": {\"a\": {\"capabilities\": [\"list\", \"read\"]}}}",
        ),
        (
            "path \"a\" { capabilities = [\"deny\"] allowed_parameters = { x = [] } }",
            "path \"a\" { policy = \"deny\" comment = \"no\" }",
        ),
        (
            "path \"a\" { min_wrapping_ttl = 90 allowed_parameters = { X = [\"a\", \"b\"] } }",
            "path \"a\" { min_wrapping_ttl = \"1m30s\" allowed_parameters = { x = [\"b\", \"a\"] } }",
        ),
        ("path \"a\" {", "  path \"a\" {\n"),
        ("path \"a\" {}\npath \"b\" {}", "path \"b\" {}\npath \"a\" {}"),
    ];
    for (a, b) in same {
        assert!(AclPolicy::same(a, b), "{a}\n{b}");
    }
    let different = [
        ("path \"a\" {}", "path \"a/\" {}"),
        ("path \"a\" {}", "path \"a*\" {}"),
        ("path \"a\" {}", ""),
        ("path \"a\" { capabilities = [\"read\"] }", "path \"a\" { capabilities = [\"list\"] }"),
        (
            "path \"a\" { allowed_parameters = { x = [\"1\"] } }",
            "path \"a\" { allowed_parameters = { x = [1] } }",
        ),
        (
            "path \"a\" { allowed_parameters = { x = [] } }",
            "path \"a\" { allowed_parameters = { x = [\"\"] } }",
        ),
        ("path \"a\" { expiration = 1 }", "path \"a\" {}"),
        ("path \"a\" {", "path \"b\" {"),
    ];
    for (a, b) in different {
        assert!(!AclPolicy::same(a, b), "{a}\n{b}");
    }
}

#[test]
fn policy_document_is_written_as_the_incumbent_writes_it() {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let rules = [
        DocumentRule {
            path: "transit/encrypt/+".to_owned(),
            capabilities: words(&["update"]),
            description: "encrypt with any key".to_owned(),
            ..DocumentRule::default()
        },
        DocumentRule {
            path: "auth/token/create".to_owned(),
            capabilities: words(&["create", "update", "sudo"]),
            required_parameters: words(&["ttl"]),
            min_wrapping_ttl: "5s".to_owned(),
            max_wrapping_ttl: "1h".to_owned(),
            allowed_parameters: BTreeMap::from([
                ("ttl".to_owned(), words(&["1h", "2h"])),
                ("*".to_owned(), Vec::new()),
            ]),
            denied_parameters: BTreeMap::from([("no_parent".to_owned(), words(&["true"]))]),
            ..DocumentRule::default()
        },
    ];
    let text = render_policy_document(&rules);
    assert_eq!(text, include_str!("transcripts/document.hcl"));
    assert_eq!(document_id(&text), "4167497419");
}

#[test]
fn of_very_many_mistakes_the_first_are_told() {
    for mistakes in ["path \"a\" { ", ""] {
        let end = if mistakes.is_empty() { "" } else { " }" };
        let text = format!("{mistakes}{}{end}", "x = 1\n".repeat(100_000));
        let error = AclPolicy::parse(&text).expect_err("unknown keys");
        assert_eq!(error.findings.len(), 100);
        assert!(error.peer_text.contains("100000 errors occurred"), "{}", &error.peer_text[..200]);
    }
    let text = "path \"a\" { capabilities = [\"reed\"] }\n".repeat(50_000);
    assert_eq!(AclPolicy::parse(&text).expect_err("unknown capabilities").findings.len(), 100);
    let words = "\"reed\",".repeat(100_000);
    let text = format!("path \"a\" {{ capabilities = [{words}] }}");
    assert_eq!(AclPolicy::parse(&text).expect_err("unknown capabilities").findings.len(), 100);
    let long = "x".repeat(1_000_000);
    assert_eq!(AclPolicy::parse(&format!("{long} = 1")).expect_err("an unknown key").findings.len(), 1);
}

#[test]
fn patterns_have_a_measure() {
    let policy =
        |segments: usize| format!("path \"{}x\" {{ capabilities = [\"read\"] }}\n", "+/".repeat(segments));
    assert!(AclPolicy::parse(&policy(19_999)).is_ok());
    assert!(AclPolicy::parse(&policy(20_000)).is_err());
    assert!(AclPolicy::parse(&policy(9).repeat(2_000)).is_ok());
    assert!(AclPolicy::parse(&policy(9).repeat(2_001)).is_err());
    // Others cost what they are long.
    assert!(AclPolicy::parse(&policy(100_000).replace('+', "a")).is_ok());
}

#[test]
fn no_label_is_lost() {
    for rule in [
        "required_parameters \"x\" {}",
        "capabilities \"x\" {}",
        "mfa_methods \"x\" {}",
        "allowed_parameters { \"x\" \"y\" {} }",
        "allowed_parameters \"x\" \"y\" {}",
        "denied_parameters { \"x\" \"y\" {} }",
    ] {
        let error = AclPolicy::parse(&format!("path \"a\" {{ {rule} }}")).expect_err(rule);
        assert!(error.peer_text.contains("*ast.ObjectItem"), "{rule}: {}", error.peer_text);
    }
}

#[test]
fn templates_never_widen_a_path() {
    let text =
        "path \"a/{{identity.entity.id}}/b\" {}\npath \"c/{{ identity.entity.name }}\" {}\npath \"d\" {}";
    let policy = AclPolicy::parse(text).expect("valid");
    assert!(policy.is_templated());
    let paths = |name: &str, slashes, wildcards| {
        let value = |key: &str| match key {
            "identity.entity.id" => Some("42".to_owned()),
            "identity.entity.name" => Some(name.to_owned()),
            _ => None,
        };
        let filled = policy.render_templates(Substitutions { slashes, wildcards }, &value);
        let paths: Vec<String> = filled.policy.paths.into_iter().map(|rule| rule.path).collect();
        let letters: String = filled.forbidden.iter().map(|value| value.letter).collect();
        let closed = format!("c/{}", name.split(['+', '*']).next().unwrap_or_default());
        assert!(filled.forbidden.iter().all(|value| value.prefix == closed), "{name}");
        (paths.join(" "), letters)
    };
    let filled = |paths: &str, letters: &str| (paths.to_owned(), letters.to_owned());
    assert_eq!(paths("eve", false, false), filled("a/42/b c/eve d", ""));
    // An empty value is one.
    assert_eq!(paths("", false, false), filled("a/42/b c/ d", ""));
    for (name, letter) in [("a/b", "/"), ("*", "*"), ("+", "+"), ("a*", "*")] {
        assert_eq!(paths(name, false, false), filled("a/42/b d", letter));
    }
    assert_eq!(paths("a/b", true, false), filled("a/42/b c/a/b d", ""));
    assert_eq!(paths("a/*", true, false), filled("a/42/b d", "*"));
    assert_eq!(paths("a/*", false, true), filled("a/42/b d", "/"));
    assert_eq!(paths("a/*", true, true), filled("a/42/b c/a/* d", ""));
}

#[test]
fn what_a_forbidden_value_closes_is_literal() {
    let prefix = |path: &str| {
        let rule = PathRule::new(path, [Capability::Read].into_iter().collect());
        let policy = AclPolicy { name: None, paths: vec![rule] };
        let value = |name: &str| Some(if name == "bad" { "a/b" } else { "good+" }.to_owned());
        let allowed = Substitutions { slashes: false, wildcards: true };
        policy.render_templates(allowed, &value).forbidden.remove(0).prefix
    };
    for (path, closed) in [
        ("{{bad}}/x", "a/b/x"),
        ("kv/team-{{bad}}", "kv/team-a/b"),
        ("kv/{{good}}/{{bad}}", "kv/good"),
        ("kv/{{bad}}/{{good}}", "kv/a/b/good"),
        ("kv/+/x/{{bad}}*", "kv/"),
        ("kv/{{bad}}/*", "kv/a/b/"),
        ("+/{{bad}}", ""),
    ] {
        assert_eq!(prefix(path), closed, "{path}");
    }
}

#[test]
fn stanza_names_the_missing_capability() {
    assert_eq!(stanza("PUT", "/kv/a", false), "path \"kv/a\" { capabilities = [\"create\", \"update\"] }");
    assert_eq!(stanza("list", "kv/a/", false), "path \"kv/a/\" { capabilities = [\"list\"] }");
    assert_eq!(
        stanza("DELETE", "sys/auth/x", true),
        "path \"sys/auth/x\" { capabilities = [\"delete\", \"sudo\"] }"
    );
    for path in
        ["sys/auth/x", "sys/audit", "sys/remount", "auth/token/accessors/", "sys/raw/core/x", "sys/seal"]
    {
        assert!(root_protected(path), "{path}");
    }
    for path in
        ["sys/auth", "sys/mounts/kv", "sys/leases/lookup", "sys/remount/status/x", "auth/token/create"]
    {
        assert!(!root_protected(path), "{path}");
    }
}

#[test]
fn expiration_reads_zones_and_leap_days() {
    let read = |text: &str| timestamp::parse(text);
    assert_eq!(read("1970-01-01T00:00:00Z"), Some(0));
    assert_eq!(read("2024-02-29T12:00:00+02:00"), Some(1_709_200_800_000_000));
    assert_eq!(read("2040-01-01T00:00:00.5Z"), Some(2_208_988_800_500_000));
    assert_eq!(read("4000000000"), Some(4_000_000_000_000_000));
    assert_eq!(read("1970-01-01T00:00:00.1234567Z"), Some(123_456));
    for moment in [0, 1, -1, 1_709_200_800_500_000, -5_000_000] {
        assert_eq!(read(timestamp::render(moment).trim_matches('"')), Some(moment));
    }
    assert_eq!(read("1970-01-01T1:00:00,5Z"), Some(3_600_500_000));
    assert_eq!(read("1970-01-01T24:00:00Z"), None);
    for wrong in ["0+25:00", "0-99:99", "0+00:61", "60Z", "0.xZ", "0.Z", "0z", "0", "0+0:00"] {
        assert_eq!(read(&format!("1970-01-01T00:00:0{wrong}")), None, "{wrong}");
    }
    assert_eq!(read("1970-01-01T00:00:60Z"), None);
    assert_eq!(read("1970-01-01t00:00:00Z"), None);
    assert_eq!(read("2040-01-01"), None);
    assert_eq!(read("2040-13-01T00:00:00Z"), None);
}

#[test]
fn moments_are_times_as_rfc_3339_has_them() {
    for (text, seconds, nanoseconds) in [
        ("1970-01-01T00:00:00Z", 0, 0),
        ("1970-01-01T02:30:00.5+02:30", 0, 500_000_000),
        ("1970-01-01T00:00:00.123456789123Z", 0, 123_456_789),
        ("1969-12-31T23:00:00-01:00", 0, 0),
        ("9999-12-31T23:59:59Z", 253_402_300_799, 0),
    ] {
        assert_eq!(timestamp::since_epoch(text), Some((seconds, nanoseconds)), "{text}");
    }
    for text in [
        "",
        "2999-01-01",
        "2999-01-01T00:00:00",
        "2999-01-01t00:00:00Z",
        "2999-01-01T00:00:00z",
        "2999-01-01 00:00:00Z",
        "2999-01-01T00:00:00.Z",
        "2999-01-01T00:00:00+0200",
        "2999-13-01T00:00:00Z",
        "2999-01-01T00:00:0üZ",
    ] {
        assert_eq!(timestamp::since_epoch(text), None, "{text}");
    }
}

#[test]
fn deep_nesting_is_refused() {
    for text in ["a = [".repeat(100_000), format!("x = {}", "[".repeat(100_000)), "{\"a\":".repeat(100_000)] {
        assert!(AclPolicy::parse(&text).is_err());
    }
}

#[test]
fn base64_is_stored_decoded() {
    let text = "path \"a\" {}";
    assert_eq!(stored_text(text), text);
    assert_eq!(stored_text("cGF0aCAiYSIge30="), text);
    assert_eq!(stored_text("cGF0aCAi\nYSIge30=\r\n"), text);
}

#[test]
fn base64_of_what_is_no_text_is_refused() {
    for (sent, expected) in [
        ("true", "At 1:1: illegal char"),
        ("YSA9ICL/Ig==", "At 1:6: illegal UTF-8 encoding"),
        ("I/8KcGF0aCAiYSIge30=", "At 1:2: illegal UTF-8 encoding"),
    ] {
        let error = AclPolicy::parse(&stored_text(sent)).expect_err("no text");
        assert_eq!(error.peer_text, format!("failed to parse policy: {expected}"));
    }
}
