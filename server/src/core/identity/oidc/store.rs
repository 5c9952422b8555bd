//! Where the objects of OIDC are stored: below `sys/identity/oidc/` of a namespace, a folder each, by name.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::core::context::Context;
use crate::core::error::Error;
use crate::core::identity::store::Store;
use crate::core::response::Response;

/// A sort of objects.
pub(super) trait Record: Serialize + DeserializeOwned {
    /// Its folder.
    const FOLDER: &'static str;

    /// Name and content of the one that is there from the beginning, without being stored.
    fn built_in() -> Option<(&'static str, Self)> {
        None
    }
}

fn folder<T: Record>() -> String {
    format!("oidc/{}/", T::FOLDER)
}

/// Where the object `name` is stored.
pub(super) fn key<T: Record>(store: &Store<'_>, name: &str) -> String {
    store.key(&format!("{}{name}", folder::<T>()))
}

/// The object `name`.
pub(super) async fn load<T: Record>(store: &Store<'_>, name: &str) -> Result<Option<T>, Error> {
    let stored: Option<T> = store.transaction.get_json(&key::<T>(store, name)).await?;
    let built_in = || T::built_in().filter(|(known, _)| *known == name).map(|(_, record)| record);
    Ok(stored.or_else(built_in))
}

/// Stores the object `name`.
pub(super) fn save<T: Record>(store: &Store<'_>, name: &str, record: &T) -> Result<(), Error> {
    Ok(store.transaction.put_json(&key::<T>(store, name), record)?)
}

/// Deletes the object `name`, if there is one.
pub(super) fn erase<T: Record>(store: &Store<'_>, name: &str) {
    store.transaction.delete(key::<T>(store, name));
}

/// The names of all, sorted.
pub(super) async fn names<T: Record>(store: &Store<'_>) -> Result<Vec<String>, Error> {
    let mut names = store.ids(&folder::<T>()).await?;
    names.extend(T::built_in().map(|(name, _)| name.to_owned()));
    names.sort();
    names.dedup();
    Ok(names)
}

/// All, by name.
pub(super) async fn all<T: Record>(store: &Store<'_>) -> Result<Vec<(String, T)>, Error> {
    let mut all = Vec::new();
    for name in names::<T>(store).await? {
        all.extend(load(store, &name).await?.map(|record| (name, record)));
    }
    Ok(all)
}

/// The names of those that `is_meant`.
pub(super) async fn names_of<T: Record>(
    store: &Store<'_>,
    is_meant: impl Fn(&T) -> bool,
) -> Result<Vec<String>, Error> {
    let all = all::<T>(store).await?;
    Ok(all.into_iter().filter(|(_, record)| is_meant(record)).map(|(name, _)| name).collect())
}

/// Whether there is what the request names.
pub(super) async fn exists<T: Record>(cx: &Context<'_>) -> Result<bool, Error> {
    Ok(load::<T>(&Store::of(cx), cx.capture("name")).await?.is_some())
}

/// What the request names.
///
/// # Errors
/// 404 if it is not there.
pub(super) async fn named<T: Record>(cx: &Context<'_>) -> Result<T, Error> {
    load(&Store::of(cx), cx.capture("name")).await?.ok_or_else(Error::not_found)
}

/// The answer of a list of names.
pub(super) async fn list<T: Record>(cx: &Context<'_>) -> Result<Response, Error> {
    Response::keys(&names::<T>(&Store::of(cx)).await?)
}

/// Refuses to delete what others refer to. `noun` is what is to go, `others` who refers to it.
pub(super) fn require_unused(noun: &str, name: &str, others: &str, names: &[String]) -> Result<(), Error> {
    if names.is_empty() {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "unable to delete {noun} {name:?} because it is currently referenced by these {others}: {}",
        names.join(", ")
    )))
}
