//! Mutual TLS between a host and a plugin that trust nothing but each other's one certificate.

use std::io;
use std::sync::Arc;

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls13_signature};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use tokio_rustls::TlsAcceptor;

/// What the process proves to be, made anew for each process.
pub(crate) struct Identity {
    /// Told to the host, which trusts it alone.
    pub(crate) certificate: CertificateDer<'static>,
    /// Takes connections of the one client.
    pub(crate) acceptor: TlsAcceptor,
}

impl Identity {
    /// An identity that lets in only the client whose certificate, in PEM, the host handed over.
    pub(crate) fn for_client(client_certificate: &str) -> io::Result<Identity> {
        let client = CertificateDer::from_pem_slice(client_certificate.as_bytes())
            .map_err(|error| io::Error::other(format!("`PLUGIN_CLIENT_CERT` is no certificate: {error}")))?;
        let (certificate, key) = self_signed().map_err(io::Error::other)?;
        let config = configuration(client, certificate.clone(), key).map_err(io::Error::other)?;
        Ok(Identity { certificate, acceptor: TlsAcceptor::from(Arc::new(config)) })
    }
}

fn self_signed() -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>), rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(["localhost".to_owned()])?;
    params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
    let certificate = params.self_signed(&key)?.der().clone();
    Ok((certificate, PrivateKeyDer::Pkcs8(key.serialize_der().into())))
}

fn configuration(
    client: CertificateDer<'static>,
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
) -> Result<ServerConfig, Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = Arc::new(OnlyClient { certificate: client, provider: provider.clone() });
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![certificate], key)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

/// Lets in one client, by its certificate byte for byte.
///
/// The usual verification would refuse it: go-plugin's certificate signs itself and calls itself an authority.
#[derive(Debug)]
struct OnlyClient {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for OnlyClient {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        presented: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if *presented == self.certificate {
            Ok(ClientCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.2 is not offered".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, IsCa, PKCS_ECDSA_P521_SHA512};
    use rustls::{ClientConfig, RootCertStore};
    use rustls_pki_types::ServerName;
    use tokio_rustls::TlsConnector;

    /// A certificate as go-plugin makes it: P-521, its own authority.
    fn go_plugin_client() -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P521_SHA512).expect("a key");
        let mut params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        (params.self_signed(&key).expect("a certificate"), key)
    }

    fn connector(
        server: &CertificateDer<'static>,
        client: Option<(&CertificateDer<'_>, &KeyPair)>,
    ) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(server.clone()).expect("a root");
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots);
        let config = match client {
            Some((certificate, key)) => builder
                .with_client_auth_cert(
                    vec![certificate.clone().into_owned()],
                    PrivateKeyDer::Pkcs8(key.serialize_der().into()),
                )
                .expect("a client certificate"),
            None => builder.with_no_client_auth(),
        };
        TlsConnector::from(Arc::new(config))
    }

    /// What the server says to a client.
    async fn met(identity: Identity, client: Option<(&CertificateDer<'_>, &KeyPair)>) -> Result<(), String> {
        let (here, there) = tokio::io::duplex(64 << 10);
        let connector = connector(&identity.certificate, client);
        let name = ServerName::try_from("localhost").expect("a name");
        let (server, _client) = tokio::join!(identity.acceptor.accept(here), connector.connect(name, there));
        server.map(|_| ()).map_err(|error| error.to_string())
    }

    fn identity(certificate: &rcgen::Certificate) -> Identity {
        Identity::for_client(&certificate.pem()).expect("an identity")
    }

    #[tokio::test]
    async fn the_host_is_let_in() {
        let (certificate, key) = go_plugin_client();
        assert_eq!(met(identity(&certificate), Some((certificate.der(), &key))).await, Ok(()));
    }

    #[tokio::test]
    async fn a_client_without_certificate_is_refused() {
        let (certificate, _) = go_plugin_client();
        let refusal = met(identity(&certificate), None).await.expect_err("refused");
        assert!(refusal.contains("no certificates"), "{refusal}");
    }

    #[tokio::test]
    async fn a_client_with_another_certificate_is_refused() {
        let (certificate, _) = go_plugin_client();
        let (other, other_key) = go_plugin_client();
        let refusal =
            met(identity(&certificate), Some((other.der(), &other_key))).await.expect_err("refused");
        assert!(refusal.contains("ApplicationVerificationFailure"), "{refusal}");
    }

    #[tokio::test]
    async fn the_certificate_without_its_key_is_refused() {
        let (certificate, _) = go_plugin_client();
        let (_, other_key) = go_plugin_client();
        let chain = vec![certificate.der().clone()];
        let key =
            aws_lc_rs::sign::any_supported_type(&PrivateKeyDer::Pkcs8(other_key.serialize_der().into()))
                .expect("a key");
        let stolen = Arc::new(Stolen(Arc::new(rustls::sign::CertifiedKey::new(chain, key))));
        let identity = identity(&certificate);
        let mut roots = RootCertStore::empty();
        roots.add(identity.certificate.clone()).expect("a root");
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_client_cert_resolver(stolen);
        let (here, there) = tokio::io::duplex(64 << 10);
        let name = ServerName::try_from("localhost").expect("a name");
        let connector = TlsConnector::from(Arc::new(config));
        let (server, _client) = tokio::join!(identity.acceptor.accept(here), connector.connect(name, there));
        let refusal = server.map(|_| ()).expect_err("refused").to_string();
        assert!(refusal.contains("BadSignature"), "{refusal}");
    }

    #[test]
    fn what_is_no_certificate_is_an_error() {
        let error = Identity::for_client("nonsense").map(|_| ()).expect_err("no certificate");
        assert!(error.to_string().contains("`PLUGIN_CLIENT_CERT`"), "{error}");
    }

    /// A certificate presented by somebody who does not have its key.
    #[derive(Debug)]
    struct Stolen(Arc<rustls::sign::CertifiedKey>);

    impl rustls::client::ResolvesClientCert for Stolen {
        fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<rustls::sign::CertifiedKey>> {
            Some(self.0.clone())
        }

        fn has_certs(&self) -> bool {
            true
        }
    }
}
