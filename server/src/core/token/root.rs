//! The first token.

use jiff::Timestamp;

use super::store::Issue;
use super::{TokenEntry, Tokens};
use crate::barrier::{NAMESPACES, Transaction};
use crate::core::error::Error;
use crate::core::namespace::Namespace;
use crate::core::request::ClientToken;

impl Tokens {
    /// Makes a token that may do everything for ever, in the transaction that initializes the server.
    ///
    /// With a chosen `id`, as a development server has it, it is filed as if it came from `auth/token/create`.
    pub(crate) async fn create_root(
        &self,
        transaction: &Transaction,
        id: Option<&str>,
        now: Timestamp,
    ) -> Result<ClientToken, Error> {
        self.open(transaction).await?;
        let (path, display_name) = match id {
            Some(_) => ("auth/token/create", "token"),
            None => ("auth/token/root", "root"),
        };
        let entry = TokenEntry {
            policies: vec!["root".to_owned()],
            path: path.to_owned(),
            display_name: display_name.to_owned(),
            created_at: now,
            is_leased: id.is_some(),
            ..TokenEntry::default()
        };
        let namespace = &Namespace::root();
        let issue = Issue { namespace, entry, text: id.map(ClientToken::new) };
        Ok(self.issue(transaction, issue).await?.0)
    }

    /// Makes a token that may do everything in `namespace` for ever.
    pub(crate) async fn create_root_in(
        &self,
        transaction: &Transaction,
        namespace: &Namespace,
        now: Timestamp,
    ) -> Result<ClientToken, Error> {
        let (path, display_name) = ("auth/token/root", "root");
        let (path, display_name) = match namespace.is_root() {
            true => (path.to_owned(), display_name.to_owned()),
            false => {
                (format!("{NAMESPACES}{}/{path}", namespace.uuid), format!("{}_{display_name}", namespace.id))
            }
        };
        let entry = TokenEntry {
            policies: vec!["root".to_owned()],
            path,
            display_name,
            created_at: now,
            ..TokenEntry::default()
        };
        Ok(self.issue(transaction, Issue { namespace, entry, text: None }).await?.0)
    }
}
