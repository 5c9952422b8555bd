//! The process: from the handshake to its end.

mod handshake;
mod lifecycle;
mod socket;
mod tls;

use std::io;
use std::process::{ExitCode, Termination};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Server;

use crate::wire::plugin::grpc_broker_server::GrpcBrokerServer;
use crate::wire::plugin::grpc_controller_server::GrpcControllerServer;
use crate::wire::plugin::grpc_stdio_server::GrpcStdioServer;
use crate::wire::tfplugin6::provider_server::ProviderServer;
use crate::wire::{Broker, Controller, ProviderService, Stdio};
use crate::{Provider, log};

use handshake::{Host, Refusal};
pub(crate) use lifecycle::Session;
use socket::{Acceptor, Connection, Socket};

/// The largest message taken or given, in bytes.
const MESSAGE_LIMIT: usize = 256 << 20;

/// How long calls in flight may go on once the end has been decided.
const DRAIN: Duration = Duration::from_secs(1);

/// Answers Terraform until it has gone, and returns the exit code for `main`.
///
/// Started by hand, it says that it is a plugin and fails. Standard input and output belong to the host.
pub fn serve(provider: impl Provider) -> ExitCode {
    match Host::from_environment(|name| std::env::var(name).ok()) {
        Ok(host) => served(provider, &host).map_or_else(|error| failure(&error), Termination::report),
        Err(refusal) => failure(&refusal),
    }
}

fn failure(error: &dyn std::fmt::Display) -> ExitCode {
    log::human(error);
    ExitCode::FAILURE
}

fn served(provider: impl Provider, host: &Host) -> io::Result<()> {
    log::install();
    // Two threads: one slow call does not hold the others up, and more would only cost memory.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let result = runtime.block_on(attend(Session::new(provider), host));
    runtime.shutdown_background();
    result
}

async fn attend<P: Provider>(session: Arc<Session<P>>, host: &Host) -> io::Result<()> {
    let signals = lifecycle::Signals::listen()?;
    let identity = host.client_certificate.as_deref().map(tls::Identity::for_client).transpose()?;
    let socket = Socket::bind(host.socket_directory.as_deref())?;
    let (acceptor, certificate) = match identity {
        Some(identity) => (Acceptor::Tls(identity.acceptor), Some(identity.certificate)),
        None => (Acceptor::Plain, None),
    };
    handshake::announce(&mut io::stdout(), socket.path(), certificate.as_ref())?;
    let watch = tokio::spawn(lifecycle::watch(session.clone(), signals));
    let result = answer(session.clone(), socket, acceptor).await;
    session.end().await;
    watch.abort();
    result
}

/// Answers connections until the session ends.
async fn answer<P: Provider>(session: Arc<Session<P>>, socket: Socket, acceptor: Acceptor) -> io::Result<()> {
    let (sender, incoming) = mpsc::channel::<io::Result<Connection>>(8);
    let accepting = tokio::spawn(socket::accept(socket, acceptor, session.connections().clone(), sender));
    let provider = ProviderServer::new(ProviderService::new(session.clone()))
        .max_decoding_message_size(MESSAGE_LIMIT)
        .max_encoding_message_size(MESSAGE_LIMIT);
    let serving = Server::builder()
        .add_service(provider)
        .add_service(GrpcControllerServer::new(Controller(session.clone())))
        .add_service(GrpcStdioServer::new(Stdio(session.clone())))
        .add_service(GrpcBrokerServer::new(Broker(session.clone())))
        .serve_with_incoming_shutdown(ReceiverStream::new(incoming), session.ended());
    let drained = async {
        session.ended().await;
        sleep(DRAIN).await;
    };
    let result = tokio::select! {
        served = serving => served.map_err(io::Error::other),
        () = drained => Ok(()),
    };
    accepting.abort();
    // The socket's folder goes when the task that holds it has gone.
    let _ = accepting.await;
    result
}

/// A provider served within this process, for tests and debuggers.
pub struct Reattach {
    environment: String,
    end: futures::future::BoxFuture<'static, ()>,
}

impl Reattach {
    /// What `TF_REATTACH_PROVIDERS` must be for Terraform to use it.
    pub fn environment(&self) -> &str {
        &self.environment
    }

    /// Ends it: [`Provider::shutdown`] is awaited, and the socket removed.
    pub async fn stop(self) {
        self.end.await;
    }
}

/// Serves a provider within this process, for Terraform processes that have
/// `TF_REATTACH_PROVIDERS` set to [`Reattach::environment`]. Connections are not encrypted; the socket is in a
/// folder of this user's own. `address` is the provider's full one: `registry.terraform.io/lockstep/vault`.
///
/// Needs a running tokio runtime.
///
/// # Errors
/// If no socket can be made.
pub async fn serve_reattach(provider: impl Provider, address: &str) -> io::Result<Reattach> {
    let session = Session::new(provider);
    let socket = Socket::bind(None)?;
    let environment = handshake::reattach(address, socket.path());
    let serving = tokio::spawn(answer(session.clone(), socket, Acceptor::Plain));
    let end = Box::pin(async move {
        session.end().await;
        // Its failure would be one of connections that are no longer wanted.
        let _ = serving.await;
    });
    Ok(Reattach { environment, end })
}

impl From<Refusal> for io::Error {
    fn from(refusal: Refusal) -> io::Error {
        io::Error::other(refusal.to_string())
    }
}
