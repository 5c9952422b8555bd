//! Kinds: attributes of the struct, and the table.

use proc_macro2::TokenStream;
use quote::quote;
use syn::meta::ParseNestedMeta;
use syn::{DeriveInput, Error, Expr, Ident, LitInt, LitStr, Result};

use crate::field::{doc, parts, words};

/// `#[derive(Kind)]`.
pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let mut settings = Settings::default();
    for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("kind")) {
        attribute.parse_nested_meta(|meta| settings.read(&meta))?;
    }
    settings.table(input)
}

/// The attributes of one kind.
#[derive(Default)]
struct Settings {
    name: Option<LitStr>,
    class: Option<Ident>,
    main: EndpointWords,
    endpoints: Vec<EndpointWords>,
    list: Option<LitStr>,
    id: Option<LitStr>,
    imports: Vec<LitStr>,
    no_import: bool,
    states: Option<Ident>,
    version: Option<LitInt>,
    deprecated: Option<LitStr>,
    block: Option<TokenStream>,
    act: Option<TokenStream>,
    behavior: Option<Expr>,
}

impl Settings {
    fn read(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let word = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
        match word.as_str() {
            "name" => self.name = Some(meta.value()?.parse()?),
            "class" => self.class = Some(meta.value()?.parse()?),
            "list" => self.list = Some(meta.value()?.parse()?),
            "id" => self.id = Some(meta.value()?.parse()?),
            "import" => self.imports.push(meta.value()?.parse()?),
            "no_import" => self.no_import = true,
            "states" => self.states = Some(meta.value()?.parse()?),
            "version" => self.version = Some(meta.value()?.parse()?),
            "deprecated" => self.deprecated = Some(meta.value()?.parse()?),
            "behavior" => self.behavior = Some(meta.value()?.parse()?),
            "block" => self.block = Some(block(meta)?),
            "act" => self.act = Some(act(meta)?),
            "endpoint" => {
                let mut words = EndpointWords::default();
                meta.parse_nested_meta(|meta| words.read(&meta))?;
                self.endpoints.push(words);
            }
            _ => self.main.read(meta)?,
        }
        Ok(())
    }

    fn table(mut self, input: &DeriveInput) -> Result<TokenStream> {
        let ident = &input.ident;
        let name = self.name.take().ok_or_else(|| Error::new_spanned(ident, "`name` is missing"))?;
        let doc = doc(&input.attrs);
        if doc.is_empty() {
            return Err(Error::new_spanned(ident, "a kind has a doc comment; it is the reference text"));
        }
        if self.main.path.is_some() || self.main.create.is_some() || self.main.read.is_some() {
            self.endpoints.insert(0, std::mem::take(&mut self.main));
        }
        let first = self.endpoints.first().map(EndpointWords::name);
        let endpoints = self.endpoints.iter().map(EndpointWords::table).collect::<Result<Vec<_>>>()?;
        let parts = parts(input, first.as_deref())?;
        let class = self.class.map_or_else(|| quote!(Resource), |class| quote!(#class));
        let states = self.states.map_or_else(|| quote!(Legacy), |states| quote!(#states));
        let list = template(self.list.as_ref());
        let id = template(self.id.as_ref());
        let imports = if self.imports.is_empty() && !self.no_import {
            self.id.into_iter().collect()
        } else {
            self.imports
        };
        let version = self.version.map_or_else(|| quote!(0), |version| quote!(#version));
        let deprecated = self.deprecated.map_or_else(|| quote!(None), |text| quote!(Some(#text)));
        let block = self.block.map_or_else(|| quote!(None), |block| quote!(Some(#block)));
        let act = self.act.map_or_else(|| quote!(None), |act| quote!(Some(#act)));
        let behavior = self.behavior.map_or_else(|| quote!(::schemas::ByTable), |behavior| quote!(#behavior));
        Ok(quote! {
            impl ::schemas::shape::Declared for #ident {
                const PARTS: &'static [::schemas::Part] = &[::schemas::shape::NAMESPACE, #(#parts),*];
            }

            impl #ident {
                /// The table of this kind.
                pub const KIND: ::schemas::Kind = ::schemas::Kind {
                    name: #name,
                    class: ::schemas::Class::#class,
                    doc: #doc,
                    parts: <#ident as ::schemas::shape::Declared>::PARTS,
                    endpoints: &[#(#endpoints),*],
                    list: #list,
                    id: #id,
                    imports: &[#(::schemas::Template(#imports)),*],
                    states: ::schemas::States::#states,
                    version: #version,
                    deprecated: #deprecated,
                    block: #block,
                    act: #act,
                    behavior: &#behavior,
                };
            }
        })
    }
}

/// The words that describe one endpoint.
#[derive(Default)]
struct EndpointWords {
    name: Option<LitStr>,
    path: Option<LitStr>,
    create: Option<LitStr>,
    read: Option<LitStr>,
    update: Option<LitStr>,
    delete: Option<LitStr>,
    wrap: Option<LitStr>,
    answer: Option<LitStr>,
    strip: Option<LitStr>,
    aside: bool,
}

impl EndpointWords {
    fn read(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let word = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
        let slot = match word.as_str() {
            "name" => &mut self.name,
            "path" => &mut self.path,
            "create" => &mut self.create,
            "read" => &mut self.read,
            "update" => &mut self.update,
            "delete" => &mut self.delete,
            "wrap" => &mut self.wrap,
            "answer" => &mut self.answer,
            "strip" => &mut self.strip,
            "aside" => {
                self.aside = true;
                return Ok(());
            }
            _ => return Err(meta.error(format!("unknown attribute `{word}` of a kind"))),
        };
        *slot = Some(meta.value()?.parse()?);
        Ok(())
    }

    fn name(&self) -> String {
        self.name.as_ref().map_or_else(|| "object".to_owned(), LitStr::value)
    }

    fn table(&self) -> Result<TokenStream> {
        let name = self.name();
        let create = self.call(self.create.as_ref(), "POST")?;
        let read = self.call(self.read.as_ref(), "GET")?;
        let update = self.call(self.update.as_ref().or(self.create.as_ref()), "POST")?;
        let delete = self.call(self.delete.as_ref(), "DELETE")?;
        let [wrap, answer, strip] = [&self.wrap, &self.answer, &self.strip]
            .map(|text| text.as_ref().map_or_else(|| quote!(""), |text| quote!(#text)));
        let aside = self.aside;
        Ok(quote! {
            ::schemas::Endpoint {
                name: #name,
                create: #create,
                read: #read,
                update: #update,
                delete: #delete,
                wrap: #wrap,
                answer: #answer,
                strip: #strip,
                aside: #aside,
            }
        })
    }

    /// `"none"`, `"PUT"`, or `"PUT some/{path}"`.
    fn call(&self, words: Option<&LitStr>, method: &str) -> Result<TokenStream> {
        let (method, path) = match words.map(LitStr::value).as_deref() {
            Some("none") => return Ok(quote!(None)),
            Some(text) => match text.split_once(' ') {
                Some((method, path)) => (method.to_owned(), Some(path.to_owned())),
                None => (text.to_owned(), self.path.as_ref().map(LitStr::value)),
            },
            None => (method.to_owned(), self.path.as_ref().map(LitStr::value)),
        };
        let Some(path) = path else { return Ok(quote!(None)) };
        let variant =
            variant(&method).ok_or_else(|| Error::new_spanned(words, format!("`{method}` is no method")))?;
        Ok(
            quote!(Some(::schemas::Call { method: ::schemas::Method::#variant, path: ::schemas::Template(#path) })),
        )
    }
}

fn variant(method: &str) -> Option<TokenStream> {
    Some(match method {
        "GET" => quote!(Get),
        "POST" => quote!(Post),
        "PUT" => quote!(Put),
        "PATCH" => quote!(Patch),
        "DELETE" => quote!(Delete),
        "LIST" => quote!(List),
        _ => return None,
    })
}

fn template(text: Option<&LitStr>) -> TokenStream {
    text.map_or_else(|| quote!(None), |text| quote!(Some(::schemas::Template(#text))))
}

fn act(meta: &ParseNestedMeta<'_>) -> Result<TokenStream> {
    let [mut name, mut instead] = [const { String::new() }; 2];
    meta.parse_nested_meta(|meta| {
        let word = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
        let slot = match word.as_str() {
            "name" => &mut name,
            "instead" => &mut instead,
            _ => return Err(meta.error(format!("unknown attribute `{word}` of an act"))),
        };
        *slot = meta.value()?.parse::<LitStr>()?.value();
        Ok(())
    })?;
    Ok(quote!(::schemas::Act { name: #name, instead: #instead }))
}

fn block(meta: &ParseNestedMeta<'_>) -> Result<TokenStream> {
    let [mut name, mut label, mut within, mut container, mut typed_by] = [const { String::new() }; 5];
    let (mut types, mut serves) = (Vec::new(), quote!(None));
    meta.parse_nested_meta(|meta| {
        let word = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
        let slot = match word.as_str() {
            "name" => &mut name,
            "label" => &mut label,
            "within" => &mut within,
            "container" => &mut container,
            "typed_by" => &mut typed_by,
            "serves" => {
                let prefix: LitStr = meta.value()?.parse()?;
                serves = quote!(Some(#prefix));
                return Ok(());
            }
            "types" => {
                types = words(&meta)?;
                return Ok(());
            }
            _ => return Err(meta.error(format!("unknown attribute `{word}` of a block"))),
        };
        *slot = meta.value()?.parse::<LitStr>()?.value();
        Ok(())
    })?;
    Ok(quote! {
        ::schemas::Block {
            name: #name,
            label: #label,
            within: #within,
            container: #container,
            types: &[#(#types),*],
            typed_by: #typed_by,
            serves: #serves,
        }
    })
}
