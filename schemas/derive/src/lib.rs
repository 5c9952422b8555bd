//! `#[derive(Kind)]` and `#[derive(Fields)]`: a static table from a plain struct.
//!
//! What a field holds is said by its type; the attributes say the rest. Everything that is wrong with a
//! declaration is reported at once, at the token that is wrong.

mod field;
mod kind;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Makes a `schemas::Kind` of a struct, as the associated constant `KIND`.
///
/// On the struct, inside `#[kind(…)]`:
///
/// | attribute | meaning |
/// |---|---|
/// | `name = "policy"` | Terraform's name without `vault_` |
/// | `class = Data` | `Resource` (default), `Data` or `Ephemeral` |
/// | `path = "sys/policies/acl/{name}"` | the one endpoint: POST, GET, POST, DELETE |
/// | `create = "PUT other/{path}"`, `read`, `update`, `delete` | another method or path for it; `"none"`: not at all |
/// | `wrap = "data"`, `answer = "data"`, `strip = "config"` | wrapping key of bodies, place of fields in answers, prefix dropped on update |
/// | `endpoint(name = "role_id", path = …, …)` | a further endpoint, same words; fields name it with `at` |
/// | `aside` in an endpoint | read only where one of its fields is asked for |
/// | `list = "sys/policies/acl"` | where siblings are listed |
/// | `id = "{name}"` | Terraform's id; `import = "{name}"` forms of import ids (default: the id) |
/// | `block(name = …, label = …, within = …, container = …, types(…))` | place in the reconciler's HCL |
/// | `act(name = "token", instead = "…")` | no place there, since it is an act: what people call it, and what to do instead |
/// | `states = Modern`, `version = 1`, `deprecated = "…"` | states of the incumbent, schema version, deprecation |
/// | `behavior = Expression` | an implementation of `schemas::Behavior` |
///
/// On a field: `key`, `default = …`, `output`, `filled`, `replaces`, `local`, `api = "…"`, `at = "…"`,
/// `update_at = "…"`, `create_only`, `unreadable`, `omitted = Cleared`, `empty_differs`, `inherited`, `revision = "…"`, `shown_as = "…"`,
/// `conflicts(…)`,
/// `one_of(…)`, `needs(…)`, `aliases(…)`, `enterprise`, `openbao`, `deprecated = "…"`, and `flatten` for a group.
#[proc_macro_derive(Kind, attributes(kind))]
pub fn derive_kind(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    kind::expand(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}

/// Makes a table of fields of a struct (`Declared`, `Shaped`) and its conversion from and to a record
/// (`FromRecord`): for nested objects, groups, and requests of the server.
#[proc_macro_derive(Fields, attributes(kind))]
pub fn derive_fields(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    field::expand(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}
