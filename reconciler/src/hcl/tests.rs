//! Expressions and what they give.

use schemas::json;

use super::{Budget, Faults, plain_value};
use crate::config::evaluate_alone;
use crate::hcl::source::SourceFile;
use crate::value::Val;

fn evaluated(text: &str) -> Result<Val, Faults> {
    let file = SourceFile { name: "main.hcl".into(), text: format!("v = {text}\n").into() };
    let body = file.parse_whole()?;
    let attribute = body.get_attribute("v").expect("the attribute that was written");
    evaluate_alone(&file, &attribute.value, &Budget::new())
}

/// Rows of an expression and the JSON of its value.
#[track_caller]
fn check(rows: &[(&str, &str)]) {
    for (text, expected) in rows {
        let value = evaluated(text).unwrap_or_else(|Faults(found)| panic!("{text}: {found:?}"));
        let shown = plain_value(&value).map_or_else(|| format!("{value:?}"), |value| json::render(&value));
        assert_eq!(shown, *expected, "{text}");
    }
}

/// Rows of an expression and what is wrong with it.
#[track_caller]
fn check_wrong(rows: &[(&str, &str)]) {
    for (text, expected) in rows {
        let Err(Faults(found)) = evaluated(text) else { panic!("{text} has a value") };
        assert!(found.iter().any(|found| found.summary.contains(expected)), "{text}: {found:?}");
        assert!(found.iter().all(|found| found.place.is_some()), "{text}: a fault has no place");
    }
}

#[test]
fn numbers_are_exact() {
    check(&[
        ("0.1 + 0.2", "0.3"),
        ("12345678901234567890123 + 1", "12345678901234567890124"),
        ("1.50", "1.5"),
        ("-2 * -3", "6"),
        ("7 % 3", "1"),
        ("1 / 4", "0.25"),
        ("10 / 5", "2"),
        ("\"3\" + 1", "4"),
        ("1e3", "1000"),
        ("2.5e-1", "0.25"),
        ("1E+2", "100"),
    ]);
    check_wrong(&[
        ("1e99999", "`1e99999` is not a number"),
        ("1 / 0", "division by zero"),
        ("1 % 0", "division by zero"),
        ("1 + \"x\"", "must be a number"),
    ]);
}

#[test]
fn logic_stops_where_it_is_decided() {
    check(&[
        ("true && false || true", "true"),
        ("false && (1 / 0 == 1)", "false"),
        ("true || (1 / 0 == 1)", "true"),
        ("!false", "true"),
        ("1 < 2 && 2 <= 2", "true"),
        ("1 == 1.0", "true"),
        ("\"1\" == 1", "false"),
        ("null == null", "true"),
        ("true ? \"yes\" : 1 / 0", "\"yes\""),
    ]);
    check_wrong(&[("1 ? 2 : 3", "the condition must be true or false"), ("!1", "`!` needs")]);
}

#[test]
fn collections_are_built_and_taken_apart() {
    check(&[
        ("[for x in [1, 2, 3] : x * 2 if x != 2]", "[2,6]"),
        ("{ for k, v in { a = 1, b = 2 } : upper(k) => v }", "{\"A\":1,\"B\":2}"),
        (
            "{ for x in [\"aa\", \"ab\", \"b\"] : substr(x, 0, 1) => x... }",
            "{\"a\":[\"aa\",\"ab\"],\"b\":[\"b\"]}",
        ),
        ("[for i, x in [\"a\", \"b\"] : \"${i}${x}\"]", "[\"0a\",\"1b\"]"),
        ("[{ a = 1 }, { a = 2 }][*].a", "[1,2]"),
        ("[{ a = [1] }, { a = [2, 3] }][*].a[0]", "[1,2]"),
        ("null[*]", "[]"),
        ("{ a = { b = [10, 20] } }.a.b[1]", "20"),
        ("{ \"x y\" = 1, (\"z\") = 2 }[\"x y\"]", "1"),
        ("[1, 2].0", "1"),
    ]);
    check_wrong(&[
        ("[1][1]", "the list has 1"),
        ("{ abc = 1 }.abd", "there is no element `abd`"),
        ("{ for x in [1, 1] : \"k\" => x }", "two elements have the key `k`"),
        ("[for x in 5 : x]", "must be a list or a map"),
        ("\"text\".x", "cannot be taken from text"),
        ("nothing", "`nothing` means nothing here"),
        ("each.key", "`each` has no meaning here"),
        ("var.x", "there is no variable `x`"),
    ]);
}

#[test]
fn templates_are_put_together() {
    check(&[
        ("\"a${1 + 1}b\"", "\"a2b\""),
        ("\"${[1, 2]}\"", "[1,2]"),
        ("\"$${x} %%{y}\"", "\"${x} %{y}\""),
        ("\"%{ if true }a%{ else }b%{ endif }c\"", "\"ac\""),
        ("\"%{ for x in [1, 2] }<${x}>%{ endfor }\"", "\"<1><2>\""),
        ("\"x ${~ \"y\" ~} z\"", "\"xyz\""),
        ("\"a %{~ if true ~} b %{~ endif ~} c\"", "\"abc\""),
        ("<<-EOT\n    a\n      ${\"b\"}\n    c\n  EOT", "\"a\\n  b\\nc\\n\""),
        ("<<EOT\n  a\nEOT", "\"  a\\n\""),
    ]);
    check_wrong(&[("\"a${[1]}\"", "what is put into text"), ("\"a${null}\"", "what is put into text")]);
}

#[test]
fn functions_on_text() {
    check(&[
        ("upper(\"aé\")", "\"AÉ\""),
        ("title(\"hello big world\")", "\"Hello Big World\""),
        ("trimprefix(\"v1\", \"v\")", "\"1\""),
        ("trimspace(\"  x \")", "\"x\""),
        ("split(\",\", \"a,b\")", "[\"a\",\"b\"]"),
        ("join(\"-\", [\"a\", 1])", "\"a-1\""),
        ("replace(\"a.b.c\", \".\", \"/\")", "\"a/b/c\""),
        ("replace(\"a1b22\", \"/[0-9]+/\", \"#\")", "\"a#b#\""),
        ("regex(\"(\\\\d+)-(\\\\d+)\", \"x 1-22\")", "[\"1\",\"22\"]"),
        ("regexall(\"[a-z]\", \"1a2b\")", "[\"a\",\"b\"]"),
        ("substr(\"hello\", -3, 2)", "\"ll\""),
        (
            "format(\"%s-%03d-%.2f-%q-%t-%v%%\", \"a\", 7, 1.005, \"q\", true, [1])",
            "\"a-007-1.00-\\\"q\\\"-true-[1]%\"",
        ),
        ("format(\"%-4s|%4s|%+d\", \"a\", \"b\", 3)", "\"a   |   b|+3\""),
        ("formatlist(\"%s.%s\", [\"a\", \"b\"], \"x\")", "[\"a.x\",\"b.x\"]"),
        ("indent(2, \"a\\nb\")", "\"a\\n  b\""),
        ("startswith(\"abc\", \"ab\") && endswith(\"abc\", \"bc\") && strcontains(\"abc\", \"b\")", "true"),
        ("length(\"é\")", "1"),
        ("chomp(\"a\\n\")", "\"a\""),
        ("strrev(\"abc\")", "\"cba\""),
    ]);
    check_wrong(&[
        ("format(\"%d\", \"x\")", "`%d` cannot show text"),
        ("format(\"%s\")", "more verbs than values"),
        ("format(\"x\", 1)", "more values than verbs"),
        ("regex(\"(\", \"x\")", "no valid regular expression"),
        ("upper()", "it takes 1 arguments"),
        ("uper(\"x\")", "there is no function `uper`"),
    ]);
}

#[test]
fn functions_on_collections() {
    check(&[
        ("merge({ a = 1 }, { a = 2, b = 3 })", "{\"a\":2,\"b\":3}"),
        ("concat([1], [2, 3])", "[1,2,3]"),
        ("concat([[1], [2]]...)", "[1,2]"),
        ("flatten([[1, [2]], 3])", "[1,2,3]"),
        ("distinct([\"a\", \"b\", \"a\"])", "[\"a\",\"b\"]"),
        ("toset([\"b\", \"a\", \"b\"])", "[\"a\",\"b\"]"),
        ("sort([\"b\", \"a\"])", "[\"a\",\"b\"]"),
        ("keys({ b = 1, a = 2 })", "[\"a\",\"b\"]"),
        ("values({ b = 1, a = 2 })", "[2,1]"),
        ("lookup({ a = 1 }, \"b\", 9)", "9"),
        ("contains([\"a\"], \"a\")", "true"),
        ("element([1, 2, 3], 4)", "2"),
        ("index([\"a\", \"b\"], \"b\")", "1"),
        ("range(3)", "[0,1,2]"),
        ("range(1, 4, 2)", "[1,3]"),
        ("range(3, 0)", "[3,2,1]"),
        ("slice([1, 2, 3], 1, 3)", "[2,3]"),
        ("setproduct([1, 2], [\"a\"])", "[[1,\"a\"],[2,\"a\"]]"),
        ("setunion([\"a\"], [\"b\"]) == setsubtract([\"a\", \"b\", \"c\"], [\"c\"])", "true"),
        ("setintersection([\"a\", \"b\"], [\"b\"])", "[\"b\"]"),
        ("zipmap([\"a\", \"b\"], [1, 2])", "{\"a\":1,\"b\":2}"),
        ("coalesce(null, \"\", \"x\")", "\"x\""),
        ("compact([\"a\", \"\", null])", "[\"a\"]"),
        ("chunklist([1, 2, 3], 2)", "[[1,2],[3]]"),
        ("one([])", "null"),
        ("transpose({ a = [\"x\", \"y\"], b = [\"x\"] })", "{\"x\":[\"a\",\"b\"],\"y\":[\"a\"]}"),
        ("alltrue([true, \"true\"]) && anytrue([false, true])", "true"),
        ("reverse([1, 2])", "[2,1]"),
        ("max(1, 3, 2) + min(4, 5)", "7"),
        ("sum([1, 2.5])", "3.5"),
    ]);
    check_wrong(&[
        ("range(0, 10, 0)", "the step must not be 0"),
        ("range(100000000)", "more than 1000000 elements"),
        ("slice([1], 0, 5)", "no bounds in a list of 1"),
        ("one([1, 2])", "not one"),
        ("zipmap([\"a\"], [])", "cannot name 0 values"),
    ]);
}

#[test]
fn functions_that_convert_and_encode() {
    check(&[
        ("tonumber(\"12\") + 0", "12"),
        ("tostring(12)", "\"12\""),
        ("tobool(\"true\")", "true"),
        ("ceil(1.2) + floor(1.8) + abs(-1) + signum(-5)", "3"),
        ("pow(2, 10)", "1024"),
        ("parseint(\"ff\", 16)", "255"),
        ("jsonencode({ b = [1, null], a = \"x\" })", "\"{\\\"a\\\":\\\"x\\\",\\\"b\\\":[1,null]}\""),
        ("jsondecode(\"{\\\"a\\\": 12345678901234567890}\").a", "12345678901234567890"),
        ("base64decode(base64encode(\"é\"))", "\"é\""),
        ("sha256(\"\")", "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\""),
        ("urlencode(\"a b/c\")", "\"a+b%2Fc\""),
        ("try(nothing.at.all, 1 / 0, \"x\")", "\"x\""),
        ("can(1 / 0)", "false"),
        ("basename(\"a/b.hcl\")", "\"b.hcl\""),
    ]);
}

#[test]
fn what_comes_of_a_secret_is_a_secret() {
    for text in [
        "secret.env(\"X\")",
        "\"a${secret.file(\"f\")}b\"",
        "upper(secret.kv(\"kv/app\", \"p\"))",
        "jsonencode({ a = [secret.exec([\"pass\", \"x\"])] })",
        "[secret.env(\"X\")]",
        "merge({ a = 1 }, { b = secret.env(\"X\") })",
        "secret.env(\"X\").field[0]",
        "base64encode(\"u:${secret.env(\"X\")}\")",
    ] {
        let value = evaluated(text).unwrap_or_else(|Faults(found)| panic!("{text}: {found:?}"));
        assert!(value.is_secret(), "{text}");
    }
    check(&[("length([secret.env(\"X\"), 1])", "2"), ("keys({ a = secret.env(\"X\") })", "[\"a\"]")]);
    check_wrong(&[
        ("secret.env(\"X\") == \"x\"", "what is compared must be known"),
        ("secret.env(\"X\") ? 1 : 2", "the condition must be true or false"),
        ("[for x in secret.env(\"X\") : x]", "must be a list or a map"),
        ("file(secret.env(\"X\"))", "this is a secret"),
        ("secret.vault(\"X\")", "is no source of secrets"),
    ]);
}

#[test]
fn all_faults_of_an_expression_are_found_at_once() {
    let Err(Faults(found)) = evaluated("[1 / 0, nothing, { a = upper([]) }]") else {
        panic!("it has a value")
    };
    assert_eq!(found.len(), 3, "{found:?}");
}

#[test]
fn what_is_marked_as_fit_to_be_seen_is_its_value_everywhere_else() {
    check(&[
        ("nonsensitive(\"a\") == \"a\" ? 1 : 2", "1"),
        ("nonsensitive(2) + 1", "3"),
        ("\"x${nonsensitive(\"y\")}\"", "Late(Concat([String(\"x\"), Late(Open(String(\"y\")))]))"),
        ("upper(nonsensitive(\"a\"))", "\"A\""),
        ("{ a = 1, b = 2 }[nonsensitive(\"b\")]", "2"),
        ("merge(nonsensitive({ a = \"x\" }), {}).a", "\"x\""),
        ("[for x in nonsensitive([\"a\"]) : \"k\" if x == \"a\"]", "[\"k\"]"),
    ]);
    check_wrong(&[("nonsensitive(secret_env(\"X\"))", "a secret stays a secret")]);
}
