//! Lists in pages.

use crate::core::context::Context;

/// Which part of a list is wanted.
#[derive(Debug, schemas::Fields)]
pub(super) struct Page {
    /// Only names after this one.
    #[kind(at = "object")]
    pub after: Option<String>,
    /// At most so many; absent, zero and less: all.
    #[kind(at = "object")]
    pub limit: Option<i64>,
}

impl Page {
    /// What the request asks for.
    pub(super) fn of(cx: &Context<'_>) -> Self {
        let after = cx.input().get("after").as_str().map(str::to_owned);
        Self { after: after.filter(|after| !after.is_empty()), limit: cx.input().get("limit").as_i64() }
    }

    /// The most names to answer.
    pub(super) fn most(&self) -> usize {
        self.limit
            .and_then(|limit| usize::try_from(limit).ok())
            .filter(|&limit| limit > 0)
            .unwrap_or(usize::MAX)
    }
}
