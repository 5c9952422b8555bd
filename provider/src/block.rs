//! The `provider` block: its arguments, and the logins.

use schemas::Fields;
use schemas::shape::{Map, NestedList, Sensitive};

/// The `provider "vault"` block. Environment variables stand in for absent arguments; see `settings`.
#[derive(Fields)]
pub(crate) struct ProviderBlock {
    /// URL of the server. Environment: `VAULT_ADDR`.
    address: Option<String>,
    /// Whether a token helper sees the address as `VAULT_ADDR`: `"true"` or `"false"`.
    add_address_to_env: Option<String>,
    /// Token to work with. Environment: `VAULT_TOKEN`, then `~/.vault-token`.
    token: Option<String>,
    /// Name of the child token. Environment: `VAULT_TOKEN_NAME`.
    token_name: Option<String>,
    /// Work with the given token itself. Environment: `TERRAFORM_VAULT_SKIP_CHILD_TOKEN`.
    skip_child_token: Option<bool>,
    /// Lifetime of the child token. Environment: `TERRAFORM_VAULT_MAX_TTL`.
    max_lease_ttl_seconds: Option<i64>,
    /// PEM file with trusted roots. Environment: `VAULT_CACERT`.
    ca_cert_file: Option<String>,
    /// Folder of such files. Environment: `VAULT_CAPATH`.
    ca_cert_dir: Option<String>,
    /// Trust any certificate. Environment: `VAULT_SKIP_VERIFY`.
    skip_tls_verify: Option<bool>,
    /// Name to look for in the server's certificate. Environment: `VAULT_TLS_SERVER_NAME`.
    tls_server_name: Option<String>,
    /// How often a failed request is sent again. Environment: `VAULT_MAX_RETRIES`.
    max_retries: Option<i64>,
    /// How often a read that is not consistent yet is sent again. Environment: `VAULT_MAX_RETRIES_CCC`.
    max_retries_ccc: Option<i64>,
    /// Namespace that all others are relative to. Environment: `VAULT_NAMESPACE`.
    namespace: Option<String>,
    /// With no namespace set, use the token's. Environment: `VAULT_SET_NAMESPACE_FROM_TOKEN`.
    set_namespace_from_token: Option<bool>,
    /// Do not ask the server for its version.
    skip_get_vault_version: Option<bool>,
    /// Take the server to have this version.
    vault_version_override: Option<String>,
    /// Log in at any auth method that takes plain parameters.
    auth_login: NestedList<AuthLogin>,
    /// Log in with AWS credentials.
    auth_login_aws: NestedList<AuthLoginAws>,
    /// Log in with an Azure identity.
    auth_login_azure: NestedList<AuthLoginAzure>,
    /// Log in with a TLS certificate.
    auth_login_cert: NestedList<AuthLoginCert>,
    /// Log in with a GCP identity.
    auth_login_gcp: NestedList<AuthLoginGcp>,
    /// Log in with a JWT.
    auth_login_jwt: NestedList<AuthLoginJwt>,
    /// Log in with Kerberos.
    auth_login_kerberos: NestedList<AuthLoginKerberos>,
    /// Log in with an OCI identity.
    auth_login_oci: NestedList<AuthLoginOci>,
    /// Log in with OIDC in a browser.
    auth_login_oidc: NestedList<AuthLoginOidc>,
    /// Log in with RADIUS.
    auth_login_radius: NestedList<AuthLoginRadius>,
    /// Use the token in a file.
    auth_login_token_file: NestedList<AuthLoginTokenFile>,
    /// Log in with a user name and a password.
    auth_login_userpass: NestedList<AuthLoginUserpass>,
    /// Certificate to show to the server.
    client_auth: NestedList<ClientAuth>,
    /// Headers to send with every request.
    headers: NestedList<Header>,
}

/// A block of login arguments: `namespace` and `use_root_namespace` are common, and `mount` but for two.
macro_rules! logins {
    ($($name:ident { $($(#[$attribute:meta])* $field:ident: $type:ty,)* })*) => {$(
        #[derive(Fields)]
        struct $name {
            /// Namespace of the auth method.
            namespace: Option<String>,
            /// Log in at the root namespace.
            use_root_namespace: Option<bool>,
            $($(#[$attribute])* $field: $type,)*
        }
    )*};
}

logins! {
    AuthLogin {
        /// Path of the login: `auth/approle/login`.
        path: String,
        /// Method whose parameters have to be computed: `aws`.
        method: Option<String>,
        /// What is sent.
        parameters: Option<Sensitive<Map<String>>>,
    }
    AuthLoginAws {
        /// Path of the auth method.
        mount: Option<String>,
        /// Role to log in with.
        role: String,
        /// AWS access key.
        aws_access_key_id: Option<String>,
        /// AWS secret key.
        aws_secret_access_key: Option<String>,
        /// AWS session token.
        aws_session_token: Option<String>,
        /// Profile of the AWS configuration.
        aws_profile: Option<String>,
        /// File of AWS credentials.
        aws_shared_credentials_file: Option<String>,
        /// File of a web identity token.
        aws_web_identity_token_file: Option<String>,
        /// AWS role to assume.
        aws_role_arn: Option<String>,
        /// Session name of the assumed role.
        aws_role_session_name: Option<String>,
        /// AWS region.
        aws_region: Option<String>,
        /// STS endpoint.
        aws_sts_endpoint: Option<String>,
        /// IAM endpoint.
        aws_iam_endpoint: Option<String>,
        /// Value of the server id header.
        header_value: Option<String>,
    }
    AuthLoginAzure {
        /// Path of the auth method.
        mount: Option<String>,
        /// Role to log in with.
        role: String,
        /// Identity token.
        jwt: Option<String>,
        /// Subscription of the machine.
        subscription_id: String,
        /// Resource group of the machine.
        resource_group_name: String,
        /// Name of the machine.
        vm_name: Option<String>,
        /// Name of the scale set.
        vmss_name: Option<String>,
        /// Tenant.
        tenant_id: Option<String>,
        /// Client id.
        client_id: Option<String>,
        /// Scope of the token.
        scope: Option<String>,
    }
    AuthLoginCert {
        /// Path of the auth method.
        mount: Option<String>,
        /// Certificate role.
        name: Option<String>,
        /// PEM file of the certificate.
        cert_file: String,
        /// PEM file of its key.
        key_file: String,
    }
    AuthLoginGcp {
        /// Path of the auth method.
        mount: Option<String>,
        /// Role to log in with.
        role: String,
        /// Identity token.
        jwt: Option<String>,
        /// Credentials of a service account.
        credentials: Option<String>,
        /// Service account.
        service_account: Option<String>,
    }
    AuthLoginJwt {
        /// Path of the auth method.
        mount: Option<String>,
        /// Role to log in with.
        role: String,
        /// The token. Environment: `TERRAFORM_VAULT_AUTH_JWT`.
        jwt: Option<String>,
        /// Access token for distributed claims. Environment:
        /// `TERRAFORM_VAULT_AUTH_DISTRIBUTED_CLAIM_ACCESS_TOKEN`.
        distributed_claim_access_token: Option<String>,
    }
    AuthLoginKerberos {
        /// Path of the auth method.
        mount: Option<String>,
        /// SPNEGO token.
        token: Option<String>,
        /// User name.
        username: Option<String>,
        /// Service name.
        service: Option<String>,
        /// Realm.
        realm: Option<String>,
        /// File of the Kerberos configuration.
        krb5conf_path: Option<String>,
        /// File of the keytab.
        keytab_path: Option<String>,
        /// Do not negotiate FAST.
        disable_fast_negotiation: Option<bool>,
        /// Drop the instance from the principal's name.
        remove_instance_name: Option<bool>,
    }
    AuthLoginOci {
        /// Path of the auth method.
        mount: Option<String>,
        /// Role to log in with.
        role: String,
        /// `apikey` or `instance`.
        auth_type: String,
    }
    AuthLoginOidc {
        /// Path of the auth method.
        mount: Option<String>,
        /// Role to log in with.
        role: String,
        /// Address to listen on for the callback.
        callback_listener_address: Option<String>,
        /// Address of the callback.
        callback_address: Option<String>,
    }
    AuthLoginRadius {
        /// Path of the auth method.
        mount: Option<String>,
        /// User name.
        username: Option<String>,
        /// Password.
        password: Option<String>,
    }
    AuthLoginTokenFile {
        /// File that holds the token and nothing else, readable by its owner alone. Environment:
        /// `TERRAFORM_VAULT_TOKEN_FILENAME`.
        filename: Option<String>,
    }
    AuthLoginUserpass {
        /// Path of the auth method.
        mount: Option<String>,
        /// User name. Environment: `TERRAFORM_VAULT_USERNAME`.
        username: Option<String>,
        /// Password. Environment: `TERRAFORM_VAULT_PASSWORD`.
        password: Option<String>,
        /// File that holds the password. Environment: `TERRAFORM_VAULT_PASSWORD_FILE`.
        password_file: Option<String>,
    }
}

/// A certificate and its key.
#[derive(Fields)]
struct ClientAuth {
    /// PEM file of the certificate.
    cert_file: String,
    /// PEM file of its key.
    key_file: String,
}

/// A header.
#[derive(Fields)]
struct Header {
    /// Its name.
    name: Sensitive<String>,
    /// Its value.
    value: Sensitive<String>,
}
