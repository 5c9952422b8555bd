//! What was asked and answered at any time of a case.

use schemas::{Answer, Method, Request};

use super::{Case, Exchange, Instance, is_write};

impl Case {
    /// What was answered to `request`, in the first of `phases` that has it; the last such answer, since
    /// reads follow writes.
    #[track_caller]
    pub(crate) fn answer(&self, phases: &[&str], namespace: &str, request: &Request) -> Answer {
        let asked = |exchange: &&Exchange| {
            exchange.asks_for(request, namespace) && exchange.request.query == request.query
        };
        let mut phases = phases.iter();
        let found = phases.find_map(|phase| {
            self.exchanges.iter().rev().filter(|exchange| exchange.phase == *phase).find(asked)
        });
        let exchange =
            found.unwrap_or_else(|| panic!("never asked: {} {}", request.method.as_str(), request.path));
        exchange.answer.clone()
    }

    /// The writes of `phase` to one of `paths`.
    pub(crate) fn writes(&self, phase: &str, namespace: &str, paths: &[String]) -> Vec<Request> {
        let mine = self.exchanges.iter();
        let mine = mine.filter(|exchange| exchange.phase == phase && exchange.namespace == namespace);
        let requests = mine.map(|exchange| &exchange.request).filter(|request| is_write(request.method));
        requests.filter(|request| paths.contains(&request.path)).cloned().collect()
    }

    /// The paths out of `paths` that were deleted in `phase`.
    pub(crate) fn deletions(&self, phase: &str, paths: &[String]) -> Vec<String> {
        let mine = self.exchanges.iter().filter(|exchange| exchange.phase == phase);
        let deleted =
            mine.map(|exchange| &exchange.request).filter(|request| request.method == Method::Delete);
        deleted.map(|request| request.path.clone()).filter(|path| paths.contains(path)).collect()
    }
}

impl Instance {
    /// The paths that it may be written to.
    pub(crate) fn paths(&self) -> Vec<String> {
        let path = self.state.text("id").replace("//", "/");
        let parts = [path.clone(), path.replace("/data/", "/metadata/")];
        let versioned = ["data", "metadata"].map(|part| match path.split_once('/') {
            Some((mount, name)) => format!("{mount}/{part}/{name}"),
            None => path.clone(),
        });
        parts.into_iter().chain(versioned).collect()
    }
}
