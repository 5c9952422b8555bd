//! The services of go-plugin that are no provider's own.

use std::pin::Pin;
use std::sync::Arc;

use futures::{Stream, StreamExt, stream};
use tonic::{Request, Response, Status, Streaming};

use super::plugin::grpc_broker_server::GrpcBroker;
use super::plugin::grpc_controller_server::GrpcController;
use super::plugin::grpc_stdio_server::GrpcStdio;
use super::plugin::{ConnInfo, Empty, StdioData};
use crate::Provider;
use crate::serve::Session;

type Messages<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// A stream that says nothing, and ends with the session.
fn silence<T: Send + 'static, P: Provider>(session: Arc<Session<P>>) -> Messages<T> {
    let end = stream::once(async move { session.ended().await });
    Box::pin(end.filter_map(|()| async { None }))
}

/// Ends the process when the host asks for it.
pub(crate) struct Controller<P>(pub(crate) Arc<Session<P>>);

#[tonic::async_trait]
impl<P: Provider> GrpcController for Controller<P> {
    /// The host waits for this answer as long as it takes, but kills two seconds after it.
    async fn shutdown(&self, _: Request<Empty>) -> Result<Response<Empty>, Status> {
        self.0.end().await;
        Ok(Response::new(Empty {}))
    }
}

/// Nothing is printed after the handshake, so nothing is carried.
pub(crate) struct Stdio<P>(pub(crate) Arc<Session<P>>);

#[tonic::async_trait]
impl<P: Provider> GrpcStdio for Stdio<P> {
    type StreamStdioStream = Messages<StdioData>;

    async fn stream_stdio(&self, _: Request<Empty>) -> Result<Response<Self::StreamStdioStream>, Status> {
        Ok(Response::new(silence(self.0.clone())))
    }
}

/// No further connections are made. The stream stays open, as the host expects of it.
pub(crate) struct Broker<P>(pub(crate) Arc<Session<P>>);

#[tonic::async_trait]
impl<P: Provider> GrpcBroker for Broker<P> {
    type StartStreamStream = Messages<ConnInfo>;

    async fn start_stream(
        &self,
        _: Request<Streaming<ConnInfo>>,
    ) -> Result<Response<Self::StartStreamStream>, Status> {
        Ok(Response::new(silence(self.0.clone())))
    }
}
