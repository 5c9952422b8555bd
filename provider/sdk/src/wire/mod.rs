//! The protocol's messages and services. No other module sees generated types.

mod encoded;
mod from_proto;
mod plugin_services;
mod provider_service;
mod schemas;
mod to_proto;

pub(crate) use encoded::Encoded;
pub(crate) use plugin_services::{Broker, Controller, Stdio};
pub(crate) use provider_service::ProviderService;

/// Terraform's protocol.
#[allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::all,
    reason = "generated from proto/tfplugin6.proto"
)]
pub(crate) mod tfplugin6 {
    tonic::include_proto!("tfplugin6");
}

/// go-plugin's own protocol.
#[allow(dead_code, missing_docs, unreachable_pub, clippy::all, reason = "generated from proto/plugin.proto")]
pub(crate) mod plugin {
    tonic::include_proto!("plugin");
}
