use super::*;

#[test]
fn texts_are_accepted_and_refused_in_the_peers_words() {
    let mut wrong = Vec::new();
    let sections: Vec<&str> = include_str!("transcripts/texts.md").split("~~~hcl\n").skip(1).collect();
    assert!(sections.len() > 25);
    for section in sections {
        let (text, rest) = section.split_once("\n~~~\n").expect("a closing fence");
        let theirs = rest.lines().next().expect("an answer");
        let ours = match PasswordPolicy::parse(text) {
            Ok(_) => "accepted".to_owned(),
            Err(error) => error.peer_text.replace('\n', "\\n"),
        };
        if ours != theirs {
            wrong.push(format!("{text}\n  peer: {theirs}\n  ours: {ours}"));
        }
    }
    assert!(wrong.is_empty(), "{} texts differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn meaning_ignores_layout_and_order() {
    let text = "length = 20\nrule \"charset\" {\n  charset = \"abc\"\n  min-chars = 1\n}\nrule \"charset\" { charset = \"de\" }\n";
    for same in [
        "rule \"charset\" { charset = \"ed\" } # x\nrule \"charset\" { charset = \"cba\" min-chars = 1 } length = 20",
        "{\"length\": 20, \"rule\": [{\"charset\": {\"charset\": \"abc\", \"min-chars\": 1}}, {\"charset\": {\"charset\": \"de\"}}]}",
    ] {
        assert!(PasswordPolicy::same(text, same), "{same}");
    }
    for different in
        [text.replace("20", "21"), text.replace("abc", "ab"), text.replace("= 1", "= 2"), String::new()]
    {
        assert!(!PasswordPolicy::same(text, &different), "{different}");
    }
}
