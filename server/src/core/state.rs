//! The state of one server.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::clock::Clock;
use super::cors::Cors;
use super::error::Error;
use super::identity::{self, EntityCache, mfa, oidc};
use super::limits::TtlLimits;
use super::mount::MountEntry;
use super::mount_table;
use super::namespace::Namespace;
use super::pipeline::TopologyWriter;
use super::policies::{self, AclCache};
use super::quota::Quotas;
use super::sealing::Seals;
use super::token::{Surroundings, Tokens};
use super::topology::{Space, Topology};
use super::traffic::Traffic;
use crate::barrier::{Barrier, BarrierError, Transaction};
use crate::seal::Seal;

const CLUSTER_KEY: &str = "core/cluster/local/info";
/// How often the counts of encryptions are stored.
const COUNT_INTERVAL: Duration = Duration::from_secs(300);
/// Below the prefix of a domain: the namespaces that lie in it, but for those in one that has keys of its own.
pub(crate) const NAMESPACE_PREFIX: &str = "core/namespaces/";

/// What the configuration says that requests can see.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The address that clients are told; empty for none.
    pub api_addr: String,
    /// The address that other nodes are told; empty for none.
    pub cluster_addr: String,
    /// Name of the cluster; empty: one is made up.
    pub cluster_name: String,
    /// Limits of leases and tokens where no mount says otherwise.
    pub limits: TtlLimits,
    /// Addresses of the listeners, and whether they speak TLS.
    pub listeners: Vec<(String, bool)>,
    /// `-dev`.
    pub is_dev: bool,
}

/// Name and id of the cluster, made once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cluster {
    pub(crate) name: String,
    pub(crate) id: String,
    /// When the server was initialized: RFC 3339.
    pub(crate) created_at: String,
}

/// Everything that requests work on. One for each server.
pub struct Core {
    pub(crate) seal: Arc<Seal>,
    /// Those of namespaces.
    pub(super) seals: Seals,
    pub(crate) barrier: Arc<Barrier>,
    pub(crate) settings: Settings,
    pub(crate) clock: Clock,
    pub(crate) acls: AclCache,
    pub(crate) identities: Arc<EntityCache>,
    pub(crate) mfa: Arc<mfa::Waiting>,
    pub(crate) codes: Arc<oidc::Codes>,
    pub(crate) identity_pairs: Arc<oidc::Pairs>,
    pub(crate) tokens: Tokens,
    pub(crate) quotas: Quotas,
    pub(crate) cors: Cors,
    pub(crate) traffic: Arc<Traffic>,
    /// Requests that change mounts or namespaces.
    pub(super) topology_writer: TopologyWriter,
    /// `None` while sealed.
    pub(super) topology: ArcSwapOption<Topology>,
    cluster: ArcSwapOption<Cluster>,
    /// Held while the server, or a namespace with a seal of its own, opens or seals.
    pub(super) opening: tokio::sync::Mutex<()>,
}

impl Core {
    /// A core over `barrier`, closed until [`open`](Core::open).
    pub fn new(barrier: Arc<Barrier>, settings: Settings, clock: Clock) -> Arc<Self> {
        Arc::new_cyclic(|core: &Weak<Self>| Self {
            seal: Arc::new(Seal::new(Arc::clone(&barrier))),
            seals: Seals::default(),
            traffic: Traffic::new(clock.now()),
            tokens: Tokens::new(Arc::clone(&barrier), Weak::clone(core) as Weak<dyn Surroundings>),
            barrier,
            settings,
            clock,
            acls: AclCache::default(),
            identities: Arc::new(identity::cache()),
            quotas: Quotas::default(),
            mfa: Arc::default(),
            codes: Arc::default(),
            identity_pairs: Arc::default(),
            cors: Cors::default(),
            topology_writer: TopologyWriter::default(),
            topology: ArcSwapOption::empty(),
            cluster: ArcSwapOption::empty(),
            opening: tokio::sync::Mutex::new(()),
        })
    }

    /// Writes what a new server begins with.
    pub(crate) fn write_first_records(&self, transaction: &Transaction) -> Result<(), Error> {
        let name = match self.settings.cluster_name.as_str() {
            "" => format!("vault-cluster-{:08x}", rand::random::<u32>()),
            name => name.to_owned(),
        };
        let now = self.clock.now();
        let cluster = Cluster { name, id: uuid::Uuid::new_v4().to_string(), created_at: now.to_string() };
        transaction.put_json(CLUSTER_KEY, &cluster)?;
        write_namespace_records(transaction, &Namespace::root(), now)?;
        Ok(())
    }

    /// Stores the counts of encryptions every now and then, until `stop` or the core is gone: a crash loses few.
    pub(crate) fn start_counting(self: &Arc<Self>, stop: CancellationToken) {
        let core = Arc::downgrade(self);
        tokio::spawn(async move {
            let mut stored = HashMap::new();
            while tokio::time::timeout(COUNT_INTERVAL, stop.cancelled()).await.is_err() {
                let Some(core) = core.upgrade() else { return };
                core.store_counts(&mut stored).await;
                core.tell_unless_sealed(core.rotate_when_due().await);
                core.tell_unless_sealed(core.rotate_identity_keys_when_due().await);
            }
        });
    }

    /// Logs what keeps keys from being rotated. A sealed server rotates none.
    fn tell_unless_sealed(&self, rotated: Result<(), Error>) {
        if let Err(error) = rotated
            && !self.barrier.is_sealed()
        {
            tracing::warn!("not every key is rotated whose time has come: {error}");
        }
    }

    /// Stores the counts, unless they are as `stored` says of the prefix of their domain.
    async fn store_counts(&self, stored: &mut HashMap<String, (u32, u64)>) {
        for domain in self.barrier.domains_below("") {
            let Ok(status) = domain.term_status() else { continue };
            let counts = (status.term, status.encryptions);
            if stored.get(domain.prefix()) == Some(&counts) {
                continue;
            }
            match self.barrier.store_encryption_counts(&domain).await {
                Ok(()) => _ = stored.insert(domain.prefix().to_owned(), counts),
                Err(_) if domain.is_sealed() => {}
                Err(error) => tracing::warn!("the counts of encryptions could not be stored: {error}"),
            }
        }
    }

    /// Reads the topology after the barrier was unsealed. Requests are served from then on.
    pub async fn open(self: &Arc<Self>) -> Result<(), Error> {
        let _opening = self.opening.lock().await;
        if self.topology.load().is_some() || self.barrier.is_sealed() {
            return Ok(());
        }
        let transaction = self.barrier.begin();
        let cluster = transaction.get_json(CLUSTER_KEY).await?;
        self.cluster.store(cluster.map(Arc::new));
        self.tokens.open(&transaction).await?;
        self.quotas.open(&transaction).await?;
        self.cors.open(&transaction).await?;
        // Keys that a store of an older version lacks.
        transaction.commit().await?;
        // A change from before the seal must not be published over what is read now.
        let load = async {
            self.topology.store(Some(load_topology(&self.barrier).await?));
            Ok::<(), Error>(())
        };
        self.topology_writer.stop_for(load).await?;
        self.start_restoring(self.namespaces());
        self.tokens.clearing().wake();
        Ok(())
    }

    /// Seals: requests are refused from now on, and everything decrypted is forgotten.
    pub async fn close(&self) -> Result<(), Error> {
        let _opening = self.opening.lock().await;
        // First: what is committed without a topology would take every namespace for gone.
        let sealed = self.seal.seal().await;
        self.seals.clear();
        self.topology.store(None);
        self.tokens.close();
        self.acls.clear();
        self.identities.clear();
        self.quotas.close();
        self.mfa.clear();
        self.codes.clear();
        self.identity_pairs.clear();
        self.cors.0.store(None);
        sealed.map_err(Error::internal)
    }

    /// The mounts and namespaces of this moment; `None` while sealed.
    pub(crate) fn topology(&self) -> Option<Arc<Topology>> {
        self.topology.load_full()
    }

    /// As [`topology`](Core::topology), for requests.
    pub(crate) fn open_topology(&self) -> Result<Arc<Topology>, Error> {
        self.topology().ok_or_else(Error::sealed)
    }

    /// Name and id of the cluster, once unsealed.
    pub(crate) fn cluster(&self) -> Option<Arc<Cluster>> {
        self.cluster.load_full()
    }
}

/// Writes the record of a namespace that is not the root.
pub(crate) fn write_namespace(transaction: &Transaction, namespace: &Namespace) -> Result<(), Error> {
    Ok(transaction.put_json(&namespace_key(namespace), namespace)?)
}

/// Where the record of `namespace` is.
pub(crate) fn namespace_key(namespace: &Namespace) -> String {
    format!("{}{NAMESPACE_PREFIX}{}", namespace.within, namespace.uuid)
}

/// Writes what every namespace begins with: its own mounts and the policy `default`.
pub(crate) fn write_namespace_records(
    transaction: &Transaction,
    namespace: &Arc<Namespace>,
    now: jiff::Timestamp,
) -> Result<Vec<MountEntry>, Error> {
    let entries = mount_table::first_mounts(namespace);
    for entry in &entries {
        mount_table::write(transaction, namespace, entry)?;
    }
    policies::write_default(transaction, namespace, now)?;
    Ok(entries)
}

/// Namespaces read at a time.
const PAGE: usize = 1024;

async fn load_topology(barrier: &Barrier) -> Result<Arc<Topology>, Error> {
    let mut topology = Topology::default();
    load_domain(barrier, &mut topology, Namespace::root()).await?;
    Ok(Arc::new(topology))
}

/// Reads `namespace`, which has keys of its own that are in memory, and all that lie in it, into `topology`. Those in it
/// that have keys of their own are sealed. Answers the others.
pub(super) async fn load_domain(
    barrier: &Barrier,
    topology: &mut Topology,
    namespace: Arc<Namespace>,
) -> Result<Vec<Arc<Namespace>>, Error> {
    let prefix = format!("{}{NAMESPACE_PREFIX}", namespace.domain());
    topology.add(load_space(barrier, Arc::clone(&namespace)).await?);
    let (mut opened, mut after) = (vec![namespace], None::<String>);
    loop {
        let page = barrier.scan(&prefix, after.as_deref(), PAGE).await?;
        let mut sealed = Vec::new();
        for (key, record) in &page {
            // Not left out: its path could be given away, and what is stored for it would be nobody's.
            let namespace: Namespace =
                serde_json::from_slice(record).map_err(|error| BarrierError::malformed(key, &error))?;
            let namespace = Arc::new(namespace);
            if namespace.sealable {
                sealed.push(namespace.storage_prefix());
                topology.add(Arc::new(Space::sealed(namespace)));
                continue;
            }
            topology.add(load_space(barrier, Arc::clone(&namespace)).await?);
            opened.push(namespace);
        }
        // Known from now on, so that nothing in them is taken for the server's.
        barrier.know_domains(&sealed);
        let Some((last, _)) = page.into_iter().next_back() else { return Ok(opened) };
        after = Some(last);
    }
}

async fn load_space(barrier: &Barrier, namespace: Arc<Namespace>) -> Result<Arc<Space>, Error> {
    let stored = mount_table::load(barrier, &namespace).await?;
    Ok(Arc::new(Space::closed(namespace, stored)))
}
