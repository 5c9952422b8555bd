//! Certificates: ours, theirs, and whom to trust.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use schemas::said_of_file;

use crate::{Error, Tls};

type TlsError = rustls::Error;

/// The TLS configuration that `tls` describes.
pub(crate) fn configuration(tls: &Tls) -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let roots = roots(tls)?;
    let verifier = Verifier::new(tls, roots, &provider)?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Settings(format!("TLS cannot be set up: {error}")))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    match &tls.identity {
        None => Ok(builder.with_no_client_auth()),
        Some((certificate, key)) => {
            builder.with_client_auth_cert(certificates(certificate)?, private_key(key)?).map_err(|error| {
                Error::Settings(format!(
                    "`{}` is no use as a client certificate: {error}",
                    certificate.display()
                ))
            })
        }
    }
}

fn roots(tls: &Tls) -> Result<Vec<CertificateDer<'static>>, Error> {
    let mut roots = Vec::new();
    if let Some(file) = &tls.ca_file {
        roots.extend(certificates(file)?);
    }
    if let Some(pem) = &tls.ca_pem {
        roots.extend(parse(pem.as_bytes(), "the given CA certificate")?);
    }
    if let Some(folder) = &tls.ca_dir {
        roots.extend(certificates_of_folder(folder)?);
    }
    if tls.ca_file.is_none() && tls.ca_pem.is_none() && tls.ca_dir.is_none() && !tls.insecure {
        roots = rustls_native_certs::load_native_certs().certs;
    }
    Ok(roots)
}

fn certificates_of_folder(folder: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let unreadable = |error: std::io::Error| {
        Error::Settings(format!("folder `{}` cannot be read: {}", folder.display(), said_of_file(&error)))
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_file() {
            found.extend(certificates(&path)?);
        }
    }
    Ok(found)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    parse(&read(path)?, &format!("`{}`", path.display()))
}

fn parse(pem: &[u8], name: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(Error::Settings(format!("{name} holds no PEM certificate"))),
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    PrivateKeyDer::from_pem_slice(&read(path)?)
        .map_err(|_| Error::Settings(format!("`{}` holds no PEM private key", path.display())))
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|error| {
        Error::Settings(format!("`{}` cannot be read: {}", path.display(), said_of_file(&error)))
    })
}

/// Checks a server's certificate.
///
/// A certificate that is itself a trusted root is good if it carries the name and is in date: such self-signed
/// ones are common in front of Vault, and Go accepts them, while webpki refuses any root as a leaf.
#[derive(Debug)]
struct Verifier {
    web: Option<Arc<WebPkiServerVerifier>>,
    roots: Vec<CertificateDer<'static>>,
    server_name: Option<ServerName<'static>>,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    fn new(
        tls: &Tls,
        roots: Vec<CertificateDer<'static>>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, Error> {
        let server_name = tls.server_name.clone().map(ServerName::try_from).transpose();
        let server_name =
            server_name.map_err(|_| Error::Settings("the TLS server name is not a host name".to_owned()))?;
        let web = if tls.insecure { None } else { Some(web(&roots, provider)?) };
        Ok(Self { web, roots, server_name, provider: provider.clone() })
    }

    fn is_trusted_itself(&self, leaf: &CertificateDer<'_>, name: &ServerName<'_>) -> Result<bool, TlsError> {
        if !self.roots.iter().any(|root| root.as_ref() == leaf.as_ref()) {
            return Ok(false);
        }
        let parsed = rustls::server::ParsedCertificate::try_from(leaf)?;
        rustls::client::verify_server_name(&parsed, name)?;
        Ok(true)
    }
}

fn web(
    roots: &[CertificateDer<'static>],
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, Error> {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(roots.iter().cloned());
    WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider.clone())
        .build()
        .map_err(|error| Error::Settings(format!("there is no CA certificate to trust: {error}")))
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let Some(web) = &self.web else { return Ok(ServerCertVerified::assertion()) };
        let name = self.server_name.as_ref().unwrap_or(name);
        let verdict = web.verify_server_cert(leaf, intermediates, name, ocsp, now);
        let is_root_as_leaf = |error: &TlsError| {
            !matches!(
                error,
                TlsError::InvalidCertificate(
                    rustls::CertificateError::Expired
                        | rustls::CertificateError::ExpiredContext { .. }
                        | rustls::CertificateError::NotValidYet
                        | rustls::CertificateError::NotValidYetContext { .. }
                )
            )
        };
        match verdict {
            Err(error) if is_root_as_leaf(&error) && self.is_trusted_itself(leaf, name)? => {
                Ok(ServerCertVerified::assertion())
            }
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        rustls::crypto::verify_tls12_signature(
            message,
            certificate,
            signed,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        rustls::crypto::verify_tls13_signature(
            message,
            certificate,
            signed,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
