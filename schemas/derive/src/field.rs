//! Fields: attributes of one, the table of all.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::meta::ParseNestedMeta;
use syn::punctuated::Punctuated;
use syn::{
    Attribute, Data, DeriveInput, Error, Expr, ExprLit, ExprUnary, Fields, Ident, Lit, LitStr, Result, Token,
    UnOp,
};

/// `#[derive(Fields)]`.
pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let name = &input.ident;
    let parts = parts(input, None)?;
    let fields = named(input)?;
    let (plain, flat): (Vec<&syn::Field>, Vec<&syn::Field>) =
        fields.iter().partition(|field| !is_group(field));
    let names: Vec<&Ident> = plain.iter().filter_map(|field| field.ident.as_ref()).collect();
    let texts: Vec<String> = names.iter().map(|ident| field_name(ident)).collect();
    let groups: Vec<&Ident> = flat.iter().filter_map(|field| field.ident.as_ref()).collect();
    Ok(quote! {
        impl ::schemas::shape::Declared for #name {
            const PARTS: &'static [::schemas::Part] = &[#(#parts),*];
        }

        impl ::schemas::shape::Shaped for #name {
            const SHAPE: ::schemas::Shape =
                ::schemas::Shape::Object(<#name as ::schemas::shape::Declared>::PARTS);
        }

        impl ::schemas::shape::FromRecord for #name {
            fn from_record(record: &::schemas::Record) -> ::core::result::Result<Self, ::std::vec::Vec<::std::string::String>> {
                let mut wrong = ::std::vec::Vec::new();
                #(let #names = ::schemas::shape::typed(#texts, record).map_err(|error| wrong.push(error)).ok();)*
                #(let #groups = ::schemas::shape::FromRecord::from_record(record).map_err(|errors: ::std::vec::Vec<_>| wrong.extend(errors)).ok();)*
                match (#(#names,)* #(#groups,)*) {
                    (#(Some(#names),)* #(Some(#groups),)*) => Ok(Self { #(#names,)* #(#groups,)* }),
                    _ => Err(wrong),
                }
            }

            fn to_record(&self) -> ::schemas::Record {
                let mut record = ::schemas::Record::new();
                #(record.set(#texts, ::schemas::shape::Typed::to_value(&self.#names));)*
                #(for (name, value) in ::schemas::shape::FromRecord::to_record(&self.#groups).iter() {
                    record.set(name, value.clone());
                })*
                record
            }
        }
    })
}

/// One `Part` for each field of the struct. `at` is the endpoint of fields that name none.
pub(crate) fn parts(input: &DeriveInput, at: Option<&str>) -> Result<Vec<TokenStream>> {
    let mut errors: Option<Error> = None;
    let mut parts = Vec::new();
    for field in named(input)? {
        match part(field, at) {
            Ok(part) => parts.push(part),
            Err(error) => match &mut errors {
                Some(errors) => errors.combine(error),
                None => errors = Some(error),
            },
        }
    }
    errors.map_or(Ok(parts), Err)
}

fn named(input: &DeriveInput) -> Result<Vec<&syn::Field>> {
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => Ok(fields.named.iter().collect()),
            Fields::Unit => Ok(Vec::new()),
            Fields::Unnamed(_) => Err(Error::new_spanned(input, "fields must have names")),
        },
        _ => Err(Error::new_spanned(input, "only a struct can be declared")),
    }
}

fn is_group(field: &syn::Field) -> bool {
    let mut group = false;
    for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("kind")) {
        // Errors are reported by `part`, which reads the same attributes.
        let _ = attribute.parse_nested_meta(|meta| {
            group |= meta.path.is_ident("flatten");
            Ok(())
        });
    }
    group
}

fn field_name(ident: &Ident) -> String {
    ident.to_string().trim_start_matches("r#").to_owned()
}

fn part(field: &syn::Field, at: Option<&str>) -> Result<TokenStream> {
    let ident = field.ident.as_ref().ok_or_else(|| Error::new_spanned(field, "a field must have a name"))?;
    let ty = &field.ty;
    if is_group(field) {
        return Ok(quote!(::schemas::Part::Group(<#ty as ::schemas::shape::Declared>::PARTS)));
    }
    let mut settings = Settings::new(ident, at);
    for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("kind")) {
        attribute.parse_nested_meta(|meta| settings.read(&meta))?;
    }
    let name = field_name(ident);
    let doc = doc(&field.attrs);
    if doc.is_empty() {
        return Err(Error::new_spanned(
            ident,
            format!("`{name}` has no doc comment; it is the reference text"),
        ));
    }
    let Settings { at, assigned, presence, .. } = settings;
    let presence = presence.unwrap_or_else(|| quote!(<#ty as ::schemas::shape::Shaped>::PRESENCE));
    let at = at.map_or_else(|| quote!(None), |at| quote!(Some(#at)));
    Ok(quote! {
        ::schemas::Part::Field(::schemas::Field {
            doc: #doc,
            secrecy: <#ty as ::schemas::shape::Shaped>::SECRECY,
            at: #at,
            #(#assigned,)*
            ..::schemas::Field::new(#name, <#ty as ::schemas::shape::Shaped>::SHAPE, #presence)
        })
    })
}

/// The attributes of one field.
struct Settings {
    at: Option<String>,
    presence: Option<TokenStream>,
    assigned: Vec<TokenStream>,
    span: Span,
}

impl Settings {
    fn new(ident: &Ident, at: Option<&str>) -> Self {
        Self { at: at.map(str::to_owned), presence: None, assigned: Vec::new(), span: ident.span() }
    }

    fn read(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let word = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
        match word.as_str() {
            "key" => {
                self.at = None;
                self.set(quote!(key: true));
            }
            "local" => self.at = None,
            "output" => self.presence = Some(quote!(::schemas::Presence::Output)),
            "filled" => self.presence = Some(quote!(::schemas::Presence::Filled)),
            "replaces" => self.set(quote!(replaces: true)),
            "create_only" => self.set(quote!(create_only: true)),
            "unreadable" => self.set(quote!(readable: false)),
            "empty_differs" => self.set(quote!(empty_differs: true)),
            "inherited" => self.set(quote!(inherited: true)),
            "lasting" => self.set(quote!(lasting: true)),
            "identity" => self.set(quote!(identity: true)),
            "counts_versions" => self.set(quote!(counts_versions: true)),
            "enterprise" => self.set(quote!(enterprise: true)),
            "openbao" => self.set(quote!(openbao: true)),
            "default" => {
                let literal = literal(&meta.value()?.parse()?)?;
                self.set(quote!(default: Some(#literal)));
                // A type that is not `Option` but has a default is one that the configuration may leave out.
                self.presence.get_or_insert_with(|| quote!(::schemas::Presence::Optional));
            }
            "api" => self.text("api", meta, false)?,
            "at" => self.at = Some(meta.value()?.parse::<LitStr>()?.value()),
            "update_at" => self.text("update_at", meta, true)?,
            "revision" => self.text("revision", meta, true)?,
            "shown_as" => self.text("shown_as", meta, true)?,
            "deprecated" => self.text("deprecated", meta, true)?,
            "omitted" => {
                let variant: Ident = meta.value()?.parse()?;
                self.set(quote!(omitted: ::schemas::Omitted::#variant));
            }
            "conflicts" | "one_of" | "needs" | "aliases" => {
                let name = Ident::new(&word, self.span);
                let names = words(meta)?;
                self.set(quote!(#name: &[#(#names),*]));
            }
            _ => return Err(meta.error(format!("unknown attribute `{word}` of a field"))),
        }
        Ok(())
    }

    fn set(&mut self, assignment: TokenStream) {
        self.assigned.push(assignment);
    }

    fn text(&mut self, name: &str, meta: &ParseNestedMeta<'_>, optional: bool) -> Result<()> {
        let name = Ident::new(name, self.span);
        let text: LitStr = meta.value()?.parse()?;
        self.set(if optional { quote!(#name: Some(#text)) } else { quote!(#name: #text) });
        Ok(())
    }
}

/// `("a", "b")` after an attribute's name.
pub(crate) fn words(meta: &ParseNestedMeta<'_>) -> Result<Vec<LitStr>> {
    let content;
    syn::parenthesized!(content in meta.input);
    Ok(Punctuated::<LitStr, Token![,]>::parse_terminated(&content)?.into_iter().collect())
}

fn literal(expression: &Expr) -> Result<TokenStream> {
    let unsupported = || Error::new_spanned(expression, "a default is a truth value, a whole number or text");
    match expression {
        Expr::Lit(ExprLit { lit: Lit::Bool(value), .. }) => Ok(quote!(::schemas::Literal::Bool(#value))),
        Expr::Lit(ExprLit { lit: Lit::Int(value), .. }) => Ok(quote!(::schemas::Literal::Integer(#value))),
        Expr::Lit(ExprLit { lit: Lit::Str(value), .. }) => Ok(quote!(::schemas::Literal::String(#value))),
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) => match &**expr {
            Expr::Lit(ExprLit { lit: Lit::Int(value), .. }) => {
                Ok(quote!(::schemas::Literal::Integer(-#value)))
            }
            _ => Err(unsupported()),
        },
        _ => Err(unsupported()),
    }
}

/// The text of the doc comment, one line.
pub(crate) fn doc(attributes: &[Attribute]) -> String {
    let lines =
        attributes.iter().filter(|attribute| attribute.path().is_ident("doc")).filter_map(|attribute| {
            let Ok(value) = &attribute.meta.require_name_value() else { return None };
            match &value.value {
                Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value().trim().to_owned()),
                _ => None,
            }
        });
    lines.collect::<Vec<_>>().join(" ").trim().to_owned()
}
