//! Control groups: requests that others must approve before they are run.
//!
//! A request that a rule with `control_group` allows is not run. It is [kept](stored) under a wrapping token, by whose
//! accessor members of the groups [approve](paths) it; who unwraps the token then [runs](run) it, once, as the one who
//! has asked, if that one still may.

mod paths;
mod run;
mod sealed;
mod stored;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use http::StatusCode;
use schemas::acl::{Capability, ControlGroup, ControlGroupFactor};
use serde::{Deserialize, Serialize};

use super::error::Error;
use super::identity::Entity;
use super::token::namespace_of;

pub(crate) use paths::ROUTES;
pub(crate) use stored::Deferral;

/// What a request waits for, and what of it is there.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Approval {
    /// What the request does, which is also the capability that it needs: `create`, `read`.
    operation: String,
    /// Who has asked, as of then.
    asker: Asker,
    /// Id of the namespace whose groups are meant: that of the policies.
    namespace: String,
    /// Whether who has asked may approve.
    self_auth_allowed: bool,
    /// Each must be met that controls the operation.
    factors: Vec<Factor>,
}

/// One approval that is needed.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Factor {
    name: String,
    capabilities: Vec<String>,
    group_names: Vec<String>,
    approvals: i64,
    authorizations: Vec<Authorization>,
}

/// The approval that somebody has given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Authorization {
    entity_id: String,
    entity_name: String,
}

/// Who has asked, as approvers are shown. Empty for a token without identity.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Asker {
    #[serde(rename = "ID", skip_serializing_if = "String::is_empty")]
    id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    aliases: Vec<AskerAlias>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    namespace_id: String,
}

/// A name that an auth method knows the one who has asked by.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct AskerAlias {
    #[serde(skip_serializing_if = "String::is_empty")]
    mount_type: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    mount_accessor: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
    #[serde(rename = "ID", skip_serializing_if = "String::is_empty")]
    id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    namespace_id: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    custom_metadata: BTreeMap<String, String>,
}

/// That a request runs because it was approved.
#[derive(Clone, Debug)]
pub(crate) struct Approved {
    approval: Approval,
    /// Stored name of the wrapping token, which ends with the request.
    wrapping: String,
    /// Whether it has ended already.
    is_used_up: bool,
}

impl Approved {
    /// Whether the approvals are those that `group` asks for before `capability` is used.
    ///
    /// # Errors
    /// 403 if it asks for others by now, or the request has become another one: what is approved is no more than what
    /// the approvers were shown, under the rule that they were asked by.
    pub(crate) fn require(&self, group: &ControlGroup, capability: Capability) -> Result<(), Error> {
        if self.approval.is_of(group) && self.approval.is_met_for(capability.name()) {
            return Ok(());
        }
        let text = "the request is not approved as the policies ask for now; ask for it again";
        Err(Error::counted(StatusCode::FORBIDDEN, text))
    }
}

impl Approval {
    fn new(operation: &str, asker: Asker, namespace: &str, group: &ControlGroup) -> Self {
        Self {
            operation: operation.to_owned(),
            asker,
            namespace: namespace.to_owned(),
            self_auth_allowed: group.self_auth_allowed,
            factors: group.factors.iter().map(Factor::from).collect(),
        }
    }

    /// Whether the request may be run.
    pub(crate) fn is_met(&self) -> bool {
        self.is_met_for(&self.operation)
    }

    fn is_met_for(&self, capability: &str) -> bool {
        let mut asked = self.factors.iter().filter(|factor| factor.controls(capability));
        asked
            .all(|factor| i64::try_from(factor.authorizations.len()).is_ok_and(|got| got >= factor.approvals))
    }

    /// Whether it asks for what `group` asks for.
    fn is_of(&self, group: &ControlGroup) -> bool {
        let same = |(own, factor): (&Factor, &ControlGroupFactor)| own.is_of(factor);
        self.self_auth_allowed == group.self_auth_allowed
            && self.factors.len() == group.factors.len()
            && self.factors.iter().zip(&group.factors).all(same)
    }

    /// Notes that `approver` approves, whose token is called `name`.
    ///
    /// # Errors
    /// 403 for who may not, 400 for who has already.
    fn approve(&mut self, approver: &Entity, name: &str) -> Result<(), Error> {
        let refuse = |text: &str| Err(Error::counted(StatusCode::FORBIDDEN, text));
        // Groups of other namespaces may be called alike.
        let groups = approver.groups.iter().filter(|group| namespace_of(&group.id) == self.namespace);
        let groups: Vec<&String> = groups.map(|group| &group.name).collect();
        let is_asked = |factor: &&mut Factor| factor.group_names.iter().any(|name| groups.contains(&name));
        let mut asked = self.factors.iter_mut().filter(is_asked).peekable();
        if asked.peek().is_none() {
            return refuse("approver is in none of the groups that are asked");
        }
        if !self.self_auth_allowed && self.asker.id == approver.id {
            return refuse("token owner cannot be approver");
        }
        let given = Authorization { entity_id: approver.id.clone(), entity_name: name.to_owned() };
        let added = asked.filter_map(|factor| factor.add(&given)).count();
        if added == 0 {
            return Err(Error::counted(StatusCode::BAD_REQUEST, "approver has already authorized"));
        }
        Ok(())
    }

    /// The approvals that there are, each approver once.
    fn authorizations(&self) -> Vec<&Authorization> {
        let mut given: Vec<&Authorization> = Vec::new();
        for authorization in self.factors.iter().flat_map(|factor| &factor.authorizations) {
            if !given.iter().any(|known| known.entity_id == authorization.entity_id) {
                given.push(authorization);
            }
        }
        given
    }
}

impl From<&ControlGroupFactor> for Factor {
    fn from(factor: &ControlGroupFactor) -> Self {
        Self {
            name: factor.name.clone(),
            capabilities: names(factor).map(str::to_owned).collect(),
            group_names: factor.group_names.clone(),
            approvals: factor.approvals,
            authorizations: Vec::new(),
        }
    }
}

impl Factor {
    fn controls(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|own| own == capability)
    }

    fn is_of(&self, factor: &ControlGroupFactor) -> bool {
        self.name == factor.name
            && self.capabilities.iter().eq(names(factor))
            && self.group_names == factor.group_names
            && self.approvals == factor.approvals
    }

    /// Adds `given`; `None` if there is one of that approver.
    fn add(&mut self, given: &Authorization) -> Option<()> {
        if self.authorizations.iter().any(|known| known.entity_id == given.entity_id) {
            return None;
        }
        self.authorizations.push(given.clone());
        Some(())
    }
}

fn names(factor: &ControlGroupFactor) -> impl Iterator<Item = &'static str> {
    factor.controlled_capabilities.iter().map(Capability::name)
}
