//! What holds for every kind.

use std::collections::BTreeSet;

use schemas::kinds::KINDS;
use schemas::{Class, Kind, Presence, Record, Template};

fn templates(kind: &Kind) -> Vec<Template> {
    let calls = kind.endpoints.iter().flat_map(|at| [at.create, at.read, at.update, at.delete]).flatten();
    calls.map(|call| call.path).chain(kind.list).chain(kind.id).chain(kind.imports.iter().copied()).collect()
}

#[test]
fn every_hole_of_a_path_is_a_field() {
    for kind in KINDS {
        for hole in templates(kind).into_iter().flat_map(Template::holes) {
            assert!(kind.field(hole).is_some(), "{kind:?}: `{{{hole}}}` is no field");
        }
    }
}

#[test]
fn every_field_has_a_doc_and_a_known_endpoint() {
    for kind in KINDS {
        for field in kind.fields() {
            assert!(!field.doc.is_empty(), "{kind:?}.{}", field.name);
            for at in field.at.into_iter().chain(field.update_at) {
                assert!(kind.endpoint(at).is_some(), "{kind:?}.{}: no endpoint `{at}`", field.name);
            }
        }
    }
}

#[test]
fn field_names_are_unique_and_references_exist() {
    for kind in KINDS {
        let mut seen = BTreeSet::new();
        for field in kind.fields() {
            assert!(seen.insert(field.name), "{kind:?}.{} is declared twice", field.name);
            let others =
                field.conflicts.iter().chain(field.one_of).chain(field.needs).chain(field.revision.iter());
            for other in others {
                assert!(kind.field(other).is_some(), "{kind:?}.{}: no field `{other}`", field.name);
            }
        }
    }
}

#[test]
fn the_list_is_sorted_by_class_and_name() {
    let rank = |class: Class| match class {
        Class::Resource => 0,
        Class::Data => 1,
        Class::Ephemeral => 2,
    };
    let names: Vec<_> = KINDS.iter().map(|kind| (rank(kind.class), kind.name)).collect();
    assert!(names.is_sorted(), "{names:?}");
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "a kind is listed twice");
}

#[test]
fn an_import_id_is_parsed_back_into_the_path() {
    for kind in KINDS.iter().filter(|kind| kind.class == Class::Resource) {
        for template in kind.imports {
            let record: Record =
                template.holes().map(|hole| (hole.to_owned(), format!("{hole}-1").into())).collect();
            let id = template.render(&record).expect("all holes are set");
            assert_eq!(template.parse(&id), Some(record), "{kind:?}: {id}");
        }
    }
}

#[test]
fn a_block_names_fields_that_the_kind_has() {
    for kind in KINDS {
        let Some(block) = kind.block else { continue };
        for name in [block.label, block.container].into_iter().filter(|name| !name.is_empty()) {
            assert!(kind.field(name).is_some_and(|field| field.key), "{kind:?}: `{name}` is no key");
        }
        assert!(
            ["namespace", "mount", "auth"].contains(&block.within),
            "{kind:?}: within `{}`",
            block.within
        );
    }
}

#[test]
fn a_write_only_field_is_sent_again_by_a_revision() {
    for kind in KINDS.iter().filter(|kind| kind.class == Class::Resource) {
        for field in kind.fields().filter(|field| field.is_write_only()) {
            let revision = field.revision.and_then(|name| kind.field(name));
            assert!(revision.is_some_and(|field| field.at.is_none()), "{kind:?}.{}: no revision", field.name);
        }
    }
}

#[test]
fn what_holds_others_has_something_that_tells_it_from_another_at_its_path() {
    for kind in KINDS.iter().filter(|kind| kind.block.is_some_and(|block| block.serves.is_some())) {
        assert!(kind.fields().any(|field| field.identity), "{kind:?}");
    }
    for kind in KINDS {
        let lasting = kind.fields().filter(|field| field.lasting);
        lasting.for_each(|field| assert_eq!(field.presence, Presence::Output, "{kind:?}.{}", field.name));
        assert!(kind.fields().filter(|field| field.counts_versions).count() <= 1, "{kind:?}");
    }
}

#[test]
fn an_output_is_never_sent_and_a_default_fits_its_field() {
    for kind in KINDS {
        for field in kind.fields() {
            let output = field.presence == Presence::Output;
            let configured =
                field.replaces || field.create_only || field.default.is_some() || field.is_write_only();
            assert!(!(output && configured), "{kind:?}.{} is set by the server", field.name);
            let default = field.default.map(schemas::Value::from).unwrap_or_default();
            let wrong = schemas::check::of_shape(field.name, &field.shape, &default);
            assert!(wrong.is_empty(), "{kind:?}.{}: {wrong:?}", field.name);
        }
    }
}
