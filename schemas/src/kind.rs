//! The table that one declaration makes: everything the programs know about a kind.
//!
//! `#[derive(Kind)]` writes these tables; provider, reconciler and server interpret them.

use crate::behavior::Behavior;
use crate::template::Template;
use crate::{Record, Value};

/// What sort of Terraform object a kind is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Declared, created, updated, deleted: a managed resource, and a block of the reconciler's HCL.
    Resource,
    /// Read only.
    Data,
    /// Opened, renewed and closed within one run; never stored.
    Ephemeral,
}

/// How the incumbent's states show a field that the configuration leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum States {
    /// With zero values (`""`, `0`, `false`) and schema defaults: the older SDK. Terraform must be told so
    /// (`legacy_type_system`).
    Legacy,
    /// With null.
    Modern,
}

/// A sort of object that lives in the server and can be declared.
#[derive(Clone, Copy)]
pub struct Kind {
    /// Name without the `vault_` prefix: `approle_auth_backend_role`.
    pub name: &'static str,
    /// What sort of Terraform object it is.
    pub class: Class,
    /// One paragraph of reference text.
    pub doc: &'static str,
    /// Its fields, groups not yet spliced in; see [`Kind::fields`].
    pub parts: &'static [Part],
    /// Where its fields live in the API. The first one decides whether the object exists.
    pub endpoints: &'static [Endpoint],
    /// LIST path of its siblings, if they can be listed.
    pub list: Option<Template>,
    /// Terraform's `id`; `None` where the type has none.
    pub id: Option<Template>,
    /// Accepted forms of an import id; the first that fits is used. Empty: cannot be imported.
    pub imports: &'static [Template],
    /// How states show absent values.
    pub states: States,
    /// Version of the Terraform schema.
    pub version: u32,
    /// Why not to use it any more.
    pub deprecated: Option<&'static str>,
    /// Where it stands in the reconciler's HCL; `None` where it has no place there.
    pub block: Option<Block>,
    /// Why it has no place there, if it is an act in the clothes of an object.
    pub act: Option<Act>,
    /// What the table cannot say.
    pub behavior: &'static dyn Behavior,
}

/// A field, or a group of fields that several kinds share.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::large_enum_variant, reason = "tables are static; a box cannot be")]
pub enum Part {
    /// A field of this kind alone.
    Field(Field),
    /// A group declared once, such as the token parameters.
    Group(&'static [Part]),
}

/// One field of a kind.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Terraform's name, which is also the name in HCL.
    pub name: &'static str,
    /// Reference text.
    pub doc: &'static str,
    /// What it holds.
    pub shape: Shape,
    /// Who sets it.
    pub presence: Presence,
    /// What an absent configuration means, where the schema says so.
    pub default: Option<Literal>,
    /// Part of the object's address.
    pub key: bool,
    /// A change means a new object.
    pub replaces: bool,
    /// Who may see it.
    pub secrecy: Secrecy,
    /// Dotted name in requests and answers: `config.default_lease_ttl`. Empty: the fields of the object are
    /// spread over the body itself.
    pub api: &'static str,
    /// The endpoint that it is written to on create, and read from. `None`: the server never hears of it.
    pub at: Option<&'static str>,
    /// The endpoint that changes it, if that is another one.
    pub update_at: Option<&'static str>,
    /// Sent when the object is made, and never again: the server refuses or ignores it later.
    pub create_only: bool,
    /// Whether an answer shows it. Without, drift cannot be seen and is reported as unverifiable.
    pub readable: bool,
    /// What the server does with the old value when a write leaves the field out.
    pub omitted: Omitted,
    /// Empty or zero is a value of its own, not another way to say absent.
    pub empty_differs: bool,
    /// Left out, the object has what it got from elsewhere, such as from its maker; that is no drift.
    pub inherited: bool,
    /// An output that the object has for as long as it is there, whatever else of it changes.
    pub lasting: bool,
    /// It tells one object from another at the same path.
    pub identity: bool,
    /// It says which version of its content an object has, and since when: another one is another content.
    pub counts_versions: bool,
    /// The field whose change makes a write-only value be sent again.
    pub revision: Option<&'static str>,
    /// The field in which the server shows what was sent as this write-only one.
    pub shown_as: Option<&'static str>,
    /// Fields that may not be set together with it.
    pub conflicts: &'static [&'static str],
    /// It or one of these must be set, and only one.
    pub one_of: &'static [&'static str],
    /// Fields that must be set with it.
    pub needs: &'static [&'static str],
    /// Other names that the server accepts and answers: `policies` for `token_policies`.
    pub aliases: &'static [&'static str],
    /// Vault Enterprise only: refused by plan elsewhere.
    pub enterprise: bool,
    /// OpenBao (and our server) only: refused by plan on Vault, and sent only where it says something.
    pub openbao: bool,
    /// Why not to use it any more.
    pub deprecated: Option<&'static str>,
}

/// Who sets a field. (Terraform's required, optional and computed, without their illegal combinations.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// The configuration, always.
    Required,
    /// The configuration, or nobody.
    Optional,
    /// The configuration, else the server.
    Filled,
    /// The server alone.
    Output,
}

/// Who may see a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrecy {
    /// Everyone.
    Plain,
    /// Only the state file, masked on screen.
    Sensitive,
    /// Nobody: sent, never stored. Terraform's write-only argument.
    WriteOnly,
    /// Nobody, and masked on screen: write-only and sensitive.
    SensitiveWriteOnly,
}

/// What the server does with the old value when a write leaves a field out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Omitted {
    /// It stays. A removed field has to be sent as its zero value.
    Kept,
    /// It is gone.
    Cleared,
    /// The write fails.
    Refused,
}

/// A constant of a declaration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Literal {
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Text.
    String(&'static str),
}

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// A truth value.
    Bool,
    /// A whole number.
    Integer,
    /// Text, with the rule that says when two texts mean the same.
    Text(Text),
    /// A duration as a number of seconds; the server also takes and answers `1h`.
    Seconds,
    /// A duration as text: `1h30m`. The server answers seconds.
    Duration,
    /// A JSON document in a string.
    Json,
    /// Items in an order that matters.
    List(&'static Shape),
    /// Items without order or repetition.
    Set(&'static Shape),
    /// User-chosen keys.
    Map(&'static Shape),
    /// Named attributes, as an element of a list attribute.
    Object(&'static [Part]),
    /// A nested block. `max` 0: any number of them.
    Block {
        /// Its fields.
        parts: &'static [Part],
        /// Most of them; 0 for no limit.
        max: u32,
    },
}

/// When two texts mean the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text {
    /// When they are equal.
    Plain,
    /// When they are equal. As the one item of a list they may hold commas.
    Whole,
    /// Names that the server lower-cases.
    Name,
    /// Paths: slashes at the ends do not count.
    Path,
    /// ACL policies: layout and order do not count.
    AclPolicy,
    /// Password policies: layout does not count.
    PasswordPolicy,
    /// Token types of roles of auth methods: nothing is `default`, and `default-service` is `service`.
    TokenType,
    /// Networks: `10.0.0.1` is `10.0.0.1/32`.
    Network,
    /// PEM documents: white space at the ends does not count.
    Pem,
}

/// A place in the API that carries some fields of a kind.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint {
    /// Name that fields refer to; also the name of the HCL block that holds them, but for the first one.
    pub name: &'static str,
    /// Writes a new object.
    pub create: Option<Call>,
    /// Reads it.
    pub read: Option<Call>,
    /// Changes it.
    pub update: Option<Call>,
    /// Deletes it.
    pub delete: Option<Call>,
    /// Wrapping key of written bodies: `data` for kv v2.
    pub wrap: &'static str,
    /// Dotted place of the fields in an answer, after its `data`.
    pub answer: &'static str,
    /// Prefix that update bodies drop from field names: a mount's `config.` when it is tuned.
    pub strip: &'static str,
    /// It is read only where one of its fields is asked for: set, or unknown.
    pub aside: bool,
}

/// Something that is done and not declared: who does it once more gets another one.
#[derive(Clone, Copy, Debug)]
pub struct Act {
    /// What people would call its block: `token`.
    pub name: &'static str,
    /// What to do instead of declaring it.
    pub instead: &'static str,
}

/// One request: method and path.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// How it is sent.
    pub method: Method,
    /// Where to.
    pub path: Template,
}

/// The methods of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Method {
    /// Read.
    Get,
    /// Create or update.
    Post,
    /// Create or update; the same to the server.
    Put,
    /// Change the named fields.
    Patch,
    /// Delete.
    Delete,
    /// List the names below a path.
    List,
}

/// Where a kind stands in the reconciler's HCL.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    /// Block name: `policy`, `mount`, `role`.
    pub name: &'static str,
    /// The field that the block's label gives; empty for a block without label.
    pub label: &'static str,
    /// The block it stands in: `namespace` (which the file itself is), `mount` or `auth`.
    pub within: &'static str,
    /// The field that holds the container's label: `backend`.
    pub container: &'static str,
    /// Types of the container (for leaves) or of itself (for mounts and auth methods) that it is for. Empty: all.
    pub types: &'static [&'static str],
    /// The field that says which type of container the object is; empty where all are alike.
    pub typed_by: &'static str,
    /// What comes before the object's name in the paths that it serves: `auth/`. `None`: it serves no paths.
    pub serves: Option<&'static str>,
}

impl Kind {
    /// Terraform's type name.
    pub fn terraform_name(&self) -> String {
        format!("vault_{}", self.name)
    }

    /// All fields, groups spliced in.
    pub fn fields(&self) -> impl Iterator<Item = &'static Field> {
        fields(self.parts)
    }

    /// The field called `name`.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields().find(|field| field.name == name)
    }

    /// The endpoint called `name`.
    pub fn endpoint(&self, name: &str) -> Option<&'static Endpoint> {
        self.endpoints.iter().find(|endpoint| endpoint.name == name)
    }

    /// Whether `endpoint` has to be read, where `known` is what is known and asked for.
    pub fn is_asked(&self, endpoint: &Endpoint, known: &Record) -> bool {
        let mut fields = self.fields().filter(|field| field.at == Some(endpoint.name));
        !endpoint.aside || fields.any(|field| !known.get(field.name).is_null())
    }

    /// `known`, such that a read shows the object in full.
    pub fn asked_in_full(&self, known: &Record) -> Record {
        let mut asked = known.clone();
        for field in self.fields().filter(|field| self.is_aside(field) && known.get(field.name).is_null()) {
            asked.set(field.name, Value::Unknown);
        }
        asked
    }

    /// Whether `field` is read only where it is asked for.
    pub fn is_aside(&self, field: &Field) -> bool {
        field.at.and_then(|name| self.endpoint(name)).is_some_and(|endpoint| endpoint.aside)
    }

    /// The endpoint that decides whether the object exists.
    pub fn primary(&self) -> Option<&'static Endpoint> {
        self.endpoints.first()
    }
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Kind({})", self.name)
    }
}

/// The fields of `parts`, groups spliced in.
pub fn fields(parts: &'static [Part]) -> Box<dyn Iterator<Item = &'static Field>> {
    Box::new(parts.iter().flat_map(|part| match part {
        Part::Field(field) => Box::new(std::iter::once(field)) as Box<dyn Iterator<Item = _>>,
        Part::Group(parts) => fields(parts),
    }))
}

impl Field {
    /// A field with nothing said but its name and shape. The derive starts from it.
    pub const fn new(name: &'static str, shape: Shape, presence: Presence) -> Self {
        Self {
            name,
            doc: "",
            shape,
            presence,
            default: None,
            key: false,
            replaces: false,
            secrecy: Secrecy::Plain,
            api: name,
            at: None,
            update_at: None,
            create_only: false,
            readable: true,
            omitted: Omitted::Kept,
            empty_differs: false,
            inherited: false,
            lasting: false,
            identity: false,
            counts_versions: false,
            revision: None,
            shown_as: None,
            conflicts: &[],
            one_of: &[],
            needs: &[],
            aliases: &[],
            enterprise: false,
            openbao: false,
            deprecated: None,
        }
    }

    /// The parameter of a request that holds it: the first name of [`api`](Field::api).
    pub fn parameter(&self) -> &'static str {
        self.api.split_once('.').map_or(self.api, |(head, _)| head)
    }

    /// True if the configuration may set it.
    pub fn is_configurable(&self) -> bool {
        self.presence != Presence::Output
    }

    /// True if it is sent and never stored.
    pub fn is_write_only(&self) -> bool {
        matches!(self.secrecy, Secrecy::WriteOnly | Secrecy::SensitiveWriteOnly)
    }

    /// True if it must not be shown.
    pub fn is_hidden(&self) -> bool {
        self.secrecy != Secrecy::Plain
    }

    /// True if a change of it is sent to endpoint `name`.
    pub fn is_updated_at(&self, name: &str) -> bool {
        self.update_at.or(self.at) == Some(name)
    }
}

impl Method {
    /// The method as it stands in a request line.
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
            Method::List => "LIST",
        }
    }

    /// The method called `name`.
    pub const fn parse(name: &str) -> Option<Self> {
        match name.as_bytes() {
            b"GET" => Some(Method::Get),
            b"POST" => Some(Method::Post),
            b"PUT" => Some(Method::Put),
            b"PATCH" => Some(Method::Patch),
            b"DELETE" => Some(Method::Delete),
            b"LIST" => Some(Method::List),
            _ => None,
        }
    }
}
