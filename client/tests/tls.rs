//! Whom the client trusts, and how it shows who it is.

mod support;

use client::{Client, Credentials, Settings, Tls};
use schemas::Request;
use support::certificates::{Authority, Pair, self_signed};
use support::{Reply, Server};

fn anything(_: &support::Seen) -> Reply {
    Reply::json(200, "{}")
}

fn settings(server: &Server, tls: Tls) -> Settings {
    let address = format!("https://{}", server.address);
    Settings { address, tls, retries: 0, ..Settings::default() }
}

/// Asks a server that shows `pair`, with `tls`; the status, or the reason why there is none.
async fn ask(pair: &Pair, tls: Tls) -> Result<u16, String> {
    ask_server(&Server::start_tls(pair.server(), anything).await, tls).await
}

async fn ask_server(server: &Server, tls: Tls) -> Result<u16, String> {
    let client = Client::new(settings(server, tls), Credentials::token("s.given"));
    let answer = client.send("", &Request::get("sys/mounts")).await;
    answer.map(|answer| answer.status).map_err(|error| error.to_string())
}

fn trusting(pem: String) -> Tls {
    Tls { ca_pem: Some(pem), ..Tls::default() }
}

#[tokio::test]
async fn a_certificate_of_a_trusted_authority_is_accepted() {
    let authority = Authority::new();
    let pair = authority.sign("127.0.0.1");
    assert_eq!(ask(&pair, trusting(authority.0.pem())).await, Ok(200));
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused() {
    let error =
        ask(&Authority::new().sign("127.0.0.1"), trusting(Authority::new().0.pem())).await.unwrap_err();
    assert!(error.contains("cannot be reached") && error.contains("certificate"), "{error}");
}

#[tokio::test]
async fn a_self_signed_certificate_is_trusted_when_it_is_given() {
    for is_ca in [true, false] {
        let pair = self_signed("127.0.0.1", is_ca, false);
        assert_eq!(ask(&pair, trusting(pair.certificate.pem())).await, Ok(200), "CA: {is_ca}");
    }
}

#[tokio::test]
async fn a_self_signed_certificate_is_refused_when_another_is_given() {
    for is_ca in [true, false] {
        let other = self_signed("127.0.0.1", true, false).certificate.pem();
        assert!(ask(&self_signed("127.0.0.1", is_ca, false), trusting(other)).await.is_err(), "CA: {is_ca}");
    }
}

#[tokio::test]
async fn an_expired_certificate_is_refused_even_when_it_is_given() {
    for is_ca in [true, false] {
        let pair = self_signed("127.0.0.1", is_ca, true);
        let error = ask(&pair, trusting(pair.certificate.pem())).await.unwrap_err();
        assert!(error.contains("expired"), "CA: {is_ca}: {error}");
    }
}

#[tokio::test]
async fn a_certificate_of_another_name_is_refused_even_when_it_is_given() {
    for is_ca in [true, false] {
        let pair = self_signed("vault.example.com", is_ca, false);
        let error = ask(&pair, trusting(pair.certificate.pem())).await.unwrap_err();
        assert!(error.contains("not valid for name"), "CA: {is_ca}: {error}");
    }
}

#[tokio::test]
async fn the_name_to_look_for_can_be_given() {
    for is_ca in [true, false] {
        let pair = self_signed("vault.example.com", is_ca, false);
        let tls = |name: &str| Tls { server_name: Some(name.to_owned()), ..trusting(pair.certificate.pem()) };
        assert_eq!(ask(&pair, tls("vault.example.com")).await, Ok(200), "CA: {is_ca}");
        assert!(ask(&pair, tls("other.example.com")).await.is_err(), "CA: {is_ca}");
    }
}

#[tokio::test]
async fn nothing_is_checked_when_that_is_asked_for() {
    let pair = self_signed("vault.example.com", true, true);
    assert_eq!(ask(&pair, Tls { insecure: true, ..Tls::default() }).await, Ok(200));
}

#[tokio::test]
async fn a_client_shows_its_certificate() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::new();
    let server = authority.sign("127.0.0.1").server_for_clients_of(&authority);
    let server = Server::start_tls(server, anything).await;
    assert!(ask_server(&server, trusting(authority.0.pem())).await.is_err());
    let identity = authority.sign("client").write(folder.path());
    let tls = Tls { identity: Some(identity), ..trusting(authority.0.pem()) };
    assert_eq!(ask_server(&server, tls).await, Ok(200));
}

#[tokio::test]
async fn roots_come_from_a_file_or_a_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let pair = self_signed("127.0.0.1", true, false);
    let file = folder.path().join("root.pem");
    std::fs::write(&file, pair.certificate.pem()).expect("written");
    assert_eq!(ask(&pair, Tls { ca_file: Some(file), ..Tls::default() }).await, Ok(200));
    assert_eq!(ask(&pair, Tls { ca_dir: Some(folder.path().into()), ..Tls::default() }).await, Ok(200));
}

/// What is said of files that are no use; no server is asked.
#[track_caller]
fn refuses(tls: Tls, expected: &str) {
    let settings = Settings { address: "https://127.0.0.1:1".to_owned(), tls, ..Settings::default() };
    let client = Client::new(settings, Credentials::token("s.given"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let asked = runtime.block_on(client.send("", &Request::get("sys/mounts")));
    let error = asked.expect_err("a refusal");
    assert!(error.to_string().contains(expected), "{error}");
}

#[test]
fn files_that_are_no_use_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let (certificate, key) = self_signed("client", false, false).write(folder.path());
    let missing = folder.path().join("missing.pem");
    refuses(Tls { ca_file: Some(missing.clone()), ..Tls::default() }, "missing.pem` cannot be read");
    refuses(Tls { ca_file: Some(key.clone()), ..Tls::default() }, "key.pem` holds no PEM certificate");
    refuses(Tls { ca_dir: Some(missing), ..Tls::default() }, "missing.pem` cannot be read");
    refuses(trusting("nonsense".to_owned()), "the given CA certificate holds no PEM certificate");
    let insecure = || Tls { insecure: true, ..Tls::default() };
    refuses(
        Tls { identity: Some((certificate.clone(), certificate)), ..insecure() },
        "cert.pem` holds no PEM private key",
    );
    refuses(
        Tls { server_name: Some("a b".to_owned()), ..insecure() },
        "the TLS server name is not a host name",
    );
}
