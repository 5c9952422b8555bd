//! The tree both syntaxes are read into.

use super::Position;

/// A range of bytes in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// Byte after the last one.
    pub end: usize,
}

/// Items between braces, or those of the whole text.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// The items in the order of the text; keys may repeat.
    pub items: Vec<Item>,
    /// Where the opening brace stands; `None` in JSON, whose tree carries no positions.
    pub position: Option<Position>,
}

/// `key "label" { … }` or `key = value`.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// At least one: the key and, for a block, its labels.
    pub keys: Vec<Key>,
    /// Line of the `=` or `:`; zero for a block, as OpenBao reports it.
    pub assign_line: usize,
    /// What follows.
    pub value: Node,
}

/// One key or label.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// Without quotes, escapes resolved.
    pub text: String,
    /// Where it stands, quotes included.
    pub span: Span,
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// A number, string, boolean or null.
    Literal(Literal),
    /// `[ … ]`.
    List {
        /// The elements in order.
        items: Vec<Node>,
        /// Where the list opens; `None` in JSON.
        position: Option<Position>,
        /// The bytes from `[` to `]`.
        span: Span,
    },
    /// `{ … }`.
    Object(Object, Span),
}

/// A scalar.
#[derive(Debug, Clone, PartialEq)]
pub struct Literal {
    /// Which sort.
    pub kind: LiteralKind,
    /// Strings unquoted and unindented, everything else as written.
    pub text: String,
    /// Where it starts; `None` in JSON.
    pub position: Option<Position>,
    /// The bytes it takes.
    pub span: Span,
}

/// The sorts of scalars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LiteralKind {
    /// An integer: decimal, octal or hexadecimal.
    Number,
    /// A number with a fraction or an exponent.
    Float,
    /// `true` or `false`.
    Bool,
    /// A quoted string or a heredoc.
    String,
    /// JSON's `null`.
    Null,
}

impl Object {
    /// The items whose first key is `key`.
    pub fn named<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a Item> {
        self.items.iter().filter(move |item| item.name() == key)
    }
}

impl Item {
    /// The first key.
    #[must_use]
    pub fn name(&self) -> &str {
        self.keys.first().map_or("", |key| &key.text)
    }

    /// Where the first key stands.
    #[must_use]
    pub fn span(&self) -> Span {
        self.keys.first().map_or(Span::default(), |key| key.span)
    }
}

impl Node {
    /// The bytes the value takes.
    #[must_use]
    pub fn span(&self) -> Span {
        match self {
            Self::Literal(literal) => literal.span,
            Self::List { span, .. } | Self::Object(_, span) => *span,
        }
    }

    /// `line:column` as OpenBao prints it, `-` where its tree has no position.
    #[must_use]
    pub fn place(&self) -> String {
        let position = match self {
            Self::Literal(literal) => literal.position,
            Self::List { position, .. } => *position,
            Self::Object(object, _) => object.position,
        };
        position.map_or_else(|| "-".to_owned(), |position| position.to_string())
    }

    /// The name of the sort of node in OpenBao's error texts.
    #[must_use]
    pub fn peer_type(&self) -> &'static str {
        match self {
            Self::Literal(_) => "*ast.LiteralType",
            Self::List { .. } => "*ast.ListType",
            Self::Object(..) => "*ast.ObjectType",
        }
    }
}
