//! A running server: storage, barrier, core and listeners.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::barrier::Barrier;
use crate::config::{Configuration, Listener, StorageKind};
use crate::core::clock::Clock;
use crate::core::error::Error;
use crate::core::limits::TtlLimits;
use crate::core::path::ApiPath;
use crate::core::pipeline::Incoming;
use crate::core::request::{ClientToken, Operation};
use crate::core::state::{Core, Settings};
use crate::http::{Bound, Service, bind};
use crate::seal::{InitRequest, SecretBytes};
use crate::storage::{FileStorage, InmemStorage, Storage, StorageError};
use crate::tls;

/// A server that accepts requests until it is stopped.
pub struct Server {
    core: Arc<Core>,
    addresses: Vec<SocketAddr>,
    stop: CancellationToken,
    listeners: Vec<JoinHandle<()>>,
}

/// What a dev server tells the one who has started it.
pub struct DevKeys {
    /// The one unseal key.
    pub unseal_key: SecretBytes,
    /// The root token.
    pub root_token: ClientToken,
}

impl DevKeys {
    /// The unseal key as `bao operator unseal` takes it.
    pub fn unseal_key_base64(&self) -> String {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(&*self.unseal_key)
    }
}

impl Server {
    /// Opens the storage and binds the listeners; sealed unless it is initialized and unsealed by requests.
    ///
    /// # Errors
    /// If storage, certificate or address cannot be used.
    pub async fn start(configuration: &Configuration) -> Result<Self, StartError> {
        Ok(Prepared::new(configuration, false).await?.serve())
    }

    /// As [`start`](Server::start), then initializes, unseals, and mounts kv v2 at `secret/`. `root_token`: the id of
    /// the root token, else random. Connections wait until all of that is done.
    ///
    /// # Errors
    /// As [`start`](Server::start), and if initializing fails.
    pub async fn start_dev(
        configuration: &Configuration,
        root_token: Option<&str>,
    ) -> Result<(Self, DevKeys), StartError> {
        let prepared = Prepared::new(configuration, true).await?;
        let keys = prepared.core.initialize_dev(root_token).await.map_err(StartError::Initialize)?;
        Ok((prepared.serve(), keys))
    }

    /// Where it listens; the ports are real ones.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// What it keeps and where, for whoever runs it in his own process: a test compares it with the answers.
    pub fn barrier(&self) -> &Arc<Barrier> {
        &self.core.barrier
    }

    /// Accepts no more connections, waits for the requests that are under way, and seals.
    ///
    /// # Errors
    /// If something cannot be stored at the end; everything that was acknowledged is stored already.
    pub async fn stop(self) -> Result<(), Error> {
        self.stop.cancel();
        for listener in self.listeners {
            // A listener that panicked has stopped too.
            listener.await.ok();
        }
        self.core.close().await
    }
}

/// A server whose addresses are taken, and that answers nobody yet.
struct Prepared<'c> {
    core: Arc<Core>,
    bound: Vec<(Bound, &'c Listener)>,
}

impl<'c> Prepared<'c> {
    async fn new(configuration: &'c Configuration, is_dev: bool) -> Result<Self, StartError> {
        let storage = open_storage(&configuration.storage).await?;
        let mut bound = Vec::new();
        for listener in &configuration.listeners {
            bound.push((bind_listener(listener).await?, listener));
        }
        let addresses: Vec<SocketAddr> = bound.iter().map(|(bound, _)| bound.address()).collect();
        let settings = settings(configuration, &addresses, is_dev);
        let core = Core::new(Barrier::new(storage), settings, Clock::system());
        Ok(Self { core, bound })
    }

    fn serve(self) -> Server {
        let Self { core, bound } = self;
        let stop = CancellationToken::new();
        core.start_expiry(stop.clone());
        core.start_counting(stop.clone());
        core.start_clearing(stop.clone());
        let addresses = bound.iter().map(|(bound, _)| bound.address()).collect();
        let count = bound.len();
        let listeners = bound.into_iter().map(|(bound, listener)| {
            let service = Service::new(Arc::clone(&core), listener);
            tokio::spawn(bound.serve(service, count, stop.clone()))
        });
        let listeners = listeners.collect();
        Server { core, addresses, stop, listeners }
    }
}

fn settings(configuration: &Configuration, addresses: &[SocketAddr], is_dev: bool) -> Settings {
    let has_tls = configuration.listeners.first().is_some_and(|listener| listener.tls.is_some());
    let speak_tls = configuration.listeners.iter().map(|listener| listener.tls.is_some());
    let scheme = if has_tls { "https" } else { "http" };
    let own = || addresses.first().map_or_else(String::new, |address| format!("{scheme}://{address}"));
    Settings {
        api_addr: configuration.api_addr.clone().unwrap_or_else(own),
        cluster_addr: configuration.cluster_addr.clone().unwrap_or_default(),
        cluster_name: configuration.cluster_name.clone().unwrap_or_default(),
        limits: TtlLimits { default: configuration.default_lease_ttl, max: configuration.max_lease_ttl },
        listeners: addresses.iter().map(SocketAddr::to_string).zip(speak_tls).collect(),
        is_dev,
    }
}

async fn open_storage(kind: &StorageKind) -> Result<Arc<dyn Storage>, StartError> {
    match kind {
        StorageKind::Inmem => Ok(Arc::new(InmemStorage::new())),
        StorageKind::File { path } => {
            let path = path.clone();
            let opening = tokio::task::spawn_blocking(move || FileStorage::open(&path));
            let opened =
                opening.await.map_err(|_| StartError::Initialize(Error::internal("opening panicked")))?;
            Ok(Arc::new(opened.map_err(StartError::Storage)?))
        }
    }
}

async fn bind_listener(listener: &Listener) -> Result<Bound, StartError> {
    let acceptor = match &listener.tls {
        Some(tls) => Some(tls::acceptor(tls)?),
        None => None,
    };
    bind(listener, acceptor)
        .await
        .map_err(|error| StartError::Bind { address: listener.address.clone(), cause: error.to_string() })
}

impl Core {
    /// Initializes: seal, root namespace, root token. Answers the shares and the root token, which exist nowhere else.
    pub(crate) async fn initialize(
        &self,
        request: &InitRequest,
        root_token: Option<&str>,
    ) -> Result<(Vec<SecretBytes>, ClientToken), Error> {
        let draft = self.seal.begin_init(request).await.map_err(Error::from)?;
        self.write_first_records(draft.transaction())?;
        let token = self.tokens.create_root(draft.transaction(), root_token, self.clock.now()).await?;
        let shares = draft.commit().await.map_err(Error::from)?;
        Ok((shares, token))
    }

    pub(crate) async fn initialize_dev(self: &Arc<Self>, root_token: Option<&str>) -> Result<DevKeys, Error> {
        let draft = self.seal.begin_dev().await.map_err(Error::from)?;
        self.write_first_records(draft.transaction())?;
        let token = self.tokens.create_root(draft.transaction(), root_token, self.clock.now()).await?;
        let mut shares = draft.commit_unsealed().await.map_err(Error::from)?;
        self.open().await?;
        self.mount_dev_secrets(&token).await?;
        let unseal_key = shares.pop().ok_or_else(|| Error::internal("a dev server has one share"))?;
        Ok(DevKeys { unseal_key, root_token: token })
    }
}

/// The mount that a dev server begins with.
const DEV_MOUNT: &str = r#"{"type":"kv","description":"key/value secret storage","options":{"version":"2"}}"#;

impl Core {
    async fn mount_dev_secrets(self: &Arc<Self>, token: &ClientToken) -> Result<(), Error> {
        let reply = self
            .serve(Incoming {
                id: uuid::Uuid::new_v4().to_string(),
                namespace: String::new(),
                path: ApiPath::parse("sys/mounts/secret")
                    .map_err(|_| Error::internal("the path is a good one"))?,
                operation: Operation::Update,
                parameters: serde_json::from_str(DEV_MOUNT)?,
                wrap_ttl: None,
                wrap_signed: false,
                client: std::net::Ipv4Addr::LOCALHOST.into(),
                headers: http::HeaderMap::new(),
                client_token: token.clone(),
                authorization: crate::core::request::Authorization::None,
                mfa: crate::core::request::MfaCredentials::default(),
                login: None,
            })
            .await;
        if reply.status.is_success() {
            return Ok(());
        }
        Err(Error::internal(String::from_utf8_lossy(&reply.body)))
    }
}

/// Why a server cannot start.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// An address cannot be listened on.
    Bind {
        /// Host and port.
        address: String,
        /// What the system said.
        cause: String,
    },
    /// A certificate or key cannot be used.
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        cause: String,
    },
    /// The storage cannot be opened.
    Storage(StorageError),
    /// The first records cannot be written.
    Initialize(Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind { address, cause } => write!(
                formatter,
                "cannot listen on `{address}`: {cause}\nhint: another server may have it; choose a free address"
            ),
            Self::Certificate { path, cause } => {
                write!(formatter, "cannot use `{}` for TLS: {cause}", path.display())
            }
            Self::Storage(error) => error.fmt(formatter),
            Self::Initialize(error) => write!(formatter, "cannot initialize the server: {error}"),
        }
    }
}

impl std::error::Error for StartError {}
