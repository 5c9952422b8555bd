//! What kind of server it is. Features are gated by product and version, never by a bare number.

use std::fmt;

use schemas::{Record, Request};

use crate::{Client, Error};

/// The software behind the address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Product {
    /// HashiCorp Vault, community edition.
    Vault(Version),
    /// HashiCorp Vault Enterprise.
    VaultEnterprise(Version),
    /// OpenBao, or our own server, which answers as it does to the letter.
    OpenBao(Version),
    /// It does not say.
    Unknown,
}

/// A version number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32, pub u32);

impl Version {
    fn parse(text: &str) -> Option<Self> {
        let plain = text.trim_start_matches('v').split(['+', '-']).next()?;
        let mut numbers = plain.split('.').map(|number| number.parse().ok());
        Some(Self(numbers.next()??, numbers.next()??, numbers.next().flatten().unwrap_or_default()))
    }
}

impl Product {
    fn of(status: &Record) -> Self {
        let text = status.text("version");
        let Some(version) = Version::parse(text) else { return Product::Unknown };
        // OpenBao renamed Vault's `build_date`.
        match (status.get("commit_date").is_null(), text.contains("ent")) {
            (false, _) => Product::OpenBao(version),
            (true, true) => Product::VaultEnterprise(version),
            (true, false) => Product::Vault(version),
        }
    }

    /// The edition of Vault whose version is `text`: `1.19.0`, `2.2.0+ent`. `None` if it is no version.
    pub fn vault(text: &str) -> Option<Self> {
        let version = Version::parse(text)?;
        Some(if text.contains("ent") { Product::VaultEnterprise(version) } else { Product::Vault(version) })
    }

    /// True if Enterprise features can work.
    pub fn is_enterprise(&self) -> bool {
        matches!(self, Product::VaultEnterprise(_))
    }
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, version) = match self {
            Product::Vault(version) => ("Vault", version),
            Product::VaultEnterprise(version) => ("Vault Enterprise", version),
            Product::OpenBao(version) => ("OpenBao", version),
            Product::Unknown => return f.write_str("a server of unknown make"),
        };
        write!(f, "{name} {}.{}.{}", version.0, version.1, version.2)
    }
}

impl Client {
    /// What the server says it is, or what the settings say; asked once.
    ///
    /// # Errors
    /// When nobody answers.
    pub async fn product(&self) -> Result<&Product, Error> {
        if let Some(product) = &self.settings.product {
            return Ok(product);
        }
        let ask = || async {
            let answer = self.send_as(None, "", &Request::get("sys/seal-status")).await?;
            let status = answer.body.as_map().cloned().map(Record::from).unwrap_or_default();
            Ok(Product::of(&status))
        };
        self.product.get_or_try_init(ask).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(fields: &[(&str, &str)], expected: Product) {
        let status: Record = fields.iter().map(|(k, v)| ((*k).to_owned(), (*v).into())).collect();
        assert_eq!(Product::of(&status), expected);
    }

    #[test]
    fn products_are_told_apart_by_more_than_a_number() {
        check(&[("version", "2.7.2"), ("commit_date", "2026-10-26")], Product::OpenBao(Version(2, 7, 2)));
        check(&[("version", "1.19.0"), ("build_date", "x")], Product::Vault(Version(1, 19, 0)));
        check(&[("version", "2.2.0+ent")], Product::VaultEnterprise(Version(2, 2, 0)));
        check(&[], Product::Unknown);
    }
}
