//! Whose certificates count when keys are fetched.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::key_set::Problem;

/// Which servers are believed to be who they say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Trust {
    /// Certificates of the authorities; empty: those of the system.
    pub(super) ca_pem: String,
    /// Names of which a certificate has to have one; empty: the name that the URL has.
    pub(super) server_names: Vec<String>,
}

/// The TLS settings of a client that trusts whom `trust` says.
pub(super) fn tls(trust: &Trust) -> Result<ClientConfig, Problem> {
    let failed = |error: Error| Problem::Fetch(error.to_string());
    let provider = Arc::new(aws_lc_rs::default_provider());
    let roots = roots(&trust.ca_pem)?;
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions().map_err(failed)?;
    if trust.server_names.is_empty() {
        return Ok(builder.with_root_certificates(roots).with_no_client_auth());
    }
    let verifier = ByOtherNames::new(roots, provider, &trust.server_names)?;
    Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
}

fn roots(ca_pem: &str) -> Result<RootCertStore, Problem> {
    let mut roots = RootCertStore::empty();
    if ca_pem.is_empty() {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return Ok(roots);
    }
    for certificate in CertificateDer::pem_slice_iter(ca_pem.as_bytes()) {
        let certificate = certificate.map_err(|_| Problem::BadCertificate)?;
        roots.add(certificate).map_err(|_| Problem::BadCertificate)?;
    }
    if roots.is_empty() { Err(Problem::BadCertificate) } else { Ok(roots) }
}

/// Checks certificates as ever, but for the name of the server: it has to be one of a list, whatever the URL says.
#[derive(Debug)]
struct ByOtherNames {
    inner: Arc<WebPkiServerVerifier>,
    names: Vec<ServerName<'static>>,
}

impl ByOtherNames {
    /// Names that no certificate can have are left out. If no other is left, no certificate is good.
    fn new(roots: RootCertStore, provider: Arc<CryptoProvider>, names: &[String]) -> Result<Self, Problem> {
        let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
        let inner = inner.build().map_err(|error| Problem::Fetch(error.to_string()))?;
        let names = names.iter().filter_map(|name| ServerName::try_from(name.clone()).ok()).collect();
        Ok(Self { inner, names })
    }
}

impl ServerCertVerifier for ByOtherNames {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let mut problem = Error::InvalidCertificate(CertificateError::NotValidForName);
        for name in &self.names {
            match self.inner.verify_server_cert(end_entity, intermediates, name, ocsp_response, now) {
                Ok(verified) => return Ok(verified),
                Err(error) => problem = error,
            }
        }
        Err(problem)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    use rustls::ServerConfig;
    use rustls_pki_types::PrivateKeyDer;
    use tokio::net::{TcpListener, TcpStream};
    use tokio_rustls::{TlsAcceptor, TlsConnector};

    use super::*;

    type Authority = CertifiedIssuer<'static, KeyPair>;

    fn authority() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a certificate")
    }

    /// A server with a certificate of `authority` for `keys.example`.
    fn acceptor(authority: &Authority) -> TlsAcceptor {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec!["keys.example".to_owned()]).expect("a name");
        let certificate = params.signed_by(&key, authority).expect("a certificate");
        let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let config = builder
            .with_safe_default_protocol_versions()
            .expect("protocol versions")
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            );
        TlsAcceptor::from(Arc::new(config.expect("a certificate and its key")))
    }

    /// Whether a client that trusts `ca_pem`, and goes to `127.0.0.1`, takes a server for one of `server_names`.
    async fn takes(authority: &Authority, ca_pem: &str, server_names: &[&str]) -> bool {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let acceptor = acceptor(authority);
        let serving = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.expect("a client");
            // The client may go away.
            drop(acceptor.accept(stream).await);
        });
        let server_names = server_names.iter().map(|name| (*name).to_owned()).collect();
        let trust = Trust { ca_pem: ca_pem.to_owned(), server_names };
        let connector = TlsConnector::from(Arc::new(tls(&trust).expect("good certificates")));
        let stream = TcpStream::connect(address).await.expect("a server");
        let name = ServerName::try_from("127.0.0.1").expect("an address");
        let is_taken = connector.connect(name, stream).await.is_ok();
        serving.await.expect("no panic");
        is_taken
    }

    #[tokio::test]
    async fn other_names_stand_for_that_of_the_url_and_for_nothing_else() {
        let (ours, other) = (authority(), authority());
        let pem = ours.pem();
        assert!(!takes(&ours, &pem, &[]).await, "it is called otherwise");
        assert!(takes(&ours, &pem, &["keys.example"]).await);
        assert!(takes(&ours, &pem, &["other.example", "keys.example"]).await);
        assert!(!takes(&ours, &pem, &["other.example"]).await);
        assert!(!takes(&ours, &pem, &["", "127.0.0.1"]).await);
        assert!(!takes(&other, &pem, &["keys.example"]).await, "of an authority that is not trusted");
        assert!(!takes(&ours, "", &["keys.example"]).await, "nor by the system");
    }
}
