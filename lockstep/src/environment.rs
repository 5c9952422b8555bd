//! What the environment says to the server, as OpenBao reads it: `BAO_…`, and `VAULT_…` where that is not set.

use std::path::PathBuf;

use server::config::{Configuration, LogFormat, LogLevel};

/// Variables that are known and change nothing here.
const WITHOUT_EFFECT: [&str; 22] = [
    "ALLOW_PENDING_REMOVAL_MOUNTS",
    "CLUSTER_TLS_SESSION_LOG_LEVEL",
    "DEV_TEMP_DIR",
    "DISABLE_LOCAL_AUTH_MOUNT_ENTITIES",
    "DISABLE_PUBLIC_ACME",
    "DISABLE_USER_LOCKOUT",
    "ENABLE_FILE_PERMISSIONS_CHECK",
    "GRPC_LOGGING",
    "GRPC_MAX_STREAMS",
    "PG_CONNECTION_URL",
    "POSTUNSEAL_FUNC_CONCURRENCY",
    "PPROF_FILE_PATH",
    "PPROF_WRITE_TO_FILE",
    "RAFT_AUTOPILOT_DISABLE",
    "RAFT_INITIAL_MMAP_SIZE",
    "RAFT_NODE_ID",
    "RAFT_NON_VOTER",
    "RAFT_PATH",
    "RAFT_RETRY_JOIN_AS_NON_VOTER",
    "STACKTRACE_FILE_PATH",
    "STACKTRACE_WRITE_TO_FILE",
    "UI",
];

/// A variable by its name.
pub(crate) struct Environment<F>(F);

/// The variables of this process.
pub(crate) fn of_process() -> Environment<impl Fn(&str) -> Option<String>> {
    Environment(|name: &str| std::env::var(name).ok())
}

impl<F: Fn(&str) -> Option<String>> Environment<F> {
    /// What `BAO_<name>` says, else `VAULT_<name>`. One that is set and empty hides the other.
    fn set(&self, name: &str) -> Option<String> {
        (self.0)(&format!("BAO_{name}")).or_else(|| (self.0)(&format!("VAULT_{name}")))
    }

    fn text(&self, name: &str) -> Option<String> {
        self.set(name).filter(|text| !text.is_empty())
    }

    /// Configuration files and folders, separated by commas.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        let text = self.text("CONFIG_PATH").unwrap_or_default();
        text.split(',').map(str::trim).filter(|path| !path.is_empty()).map(PathBuf::from).collect()
    }

    /// The address of a dev server.
    pub(crate) fn dev_listen_address(&self) -> Option<String> {
        self.text("DEV_LISTEN_ADDRESS")
    }

    /// The root token of a dev server.
    pub(crate) fn dev_root_token_id(&self) -> Option<String> {
        self.text("DEV_ROOT_TOKEN_ID")
    }

    /// Lets the environment win over the files. Answers warnings.
    ///
    /// # Errors
    /// For what means nothing, and for what must not be left out silently.
    pub(crate) fn apply(&self, configuration: &mut Configuration) -> Result<Vec<String>, String> {
        self.require_shamir()?;
        let address = ["API_ADDR", "REDIRECT_ADDR", "ADVERTISE_ADDR"].iter().find_map(|name| self.text(name));
        if address.is_some() {
            configuration.api_addr = address;
        }
        if let Some(address) = self.text("CLUSTER_ADDR") {
            configuration.cluster_addr = Some(address);
        }
        if let Some(text) = self.set("LOG_LEVEL") {
            configuration.log_level = LogLevel::named(&text).ok_or_else(|| {
                wrong("LOG_LEVEL", &text, "is no level", "write trace, debug, info, warn or error")
            })?;
        }
        if let Some(text) = self.set("LOG_FORMAT") {
            configuration.log_format = LogFormat::named(&text)
                .ok_or_else(|| wrong("LOG_FORMAT", &text, "is no format", "write standard or json"))?;
        }
        Ok(self.warnings())
    }

    /// A server without the seal that it was told to have would be another one.
    fn require_shamir(&self) -> Result<(), String> {
        match self.text("SEAL_TYPE").filter(|kind| kind != "shamir") {
            Some(kind) => {
                let hint = "unset it, and the server is unsealed by Shamir shares";
                Err(wrong("SEAL_TYPE", &kind, "is not built yet", hint))
            }
            None => Ok(()),
        }
    }

    fn warnings(&self) -> Vec<String> {
        let names = WITHOUT_EFFECT.into_iter().filter(|name| self.text(name).is_some());
        names.map(|name| format!("warning: `BAO_{name}` is set, but has no effect on this server")).collect()
    }
}

fn wrong(name: &str, value: &str, problem: &str, hint: &str) -> String {
    format!("error: `BAO_{name}` is `{value}`, which {problem}\nhint: {hint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(
        variables: &'static [(&'static str, &'static str)],
    ) -> Environment<impl Fn(&str) -> Option<String>> {
        Environment(move |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    fn configuration() -> Configuration {
        let text = "storage \"inmem\" {}\nlistener \"tcp\" { tls_disable = true }\n\
                    api_addr = \"http://file:1\"\nlog_level = \"warn\"\n";
        server::config::parse(std::path::Path::new("a.hcl"), text).expect("a good configuration").0
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let mut read = configuration();
        let warnings = environment(&[
            ("BAO_API_ADDR", "http://environment:1"),
            ("VAULT_CLUSTER_ADDR", "https://environment:2"),
            ("BAO_LOG_LEVEL", "Debug"),
            ("VAULT_LOG_FORMAT", "json"),
        ])
        .apply(&mut read)
        .expect("good variables");
        assert_eq!(read.api_addr.as_deref(), Some("http://environment:1"));
        assert_eq!(read.cluster_addr.as_deref(), Some("https://environment:2"));
        assert_eq!((read.log_level, read.log_format), (Some(LogLevel::Debug), LogFormat::Json));
        assert!(warnings.is_empty(), "{warnings:?}");
    }

    #[test]
    fn a_variable_that_is_set_and_empty_hides_the_other_name() {
        let mut read = configuration();
        let environment = environment(&[("BAO_API_ADDR", ""), ("VAULT_API_ADDR", "http://other:1")]);
        environment.apply(&mut read).expect("good variables");
        assert_eq!(read.api_addr.as_deref(), Some("http://file:1"));
        assert_eq!(read.log_level, Some(LogLevel::Warn));
    }

    #[test]
    fn older_names_of_the_address_count_where_the_present_one_is_not_set() {
        let mut read = configuration();
        let variables =
            environment(&[("VAULT_ADVERTISE_ADDR", "http://b:1"), ("BAO_REDIRECT_ADDR", "http://a:1")]);
        variables.apply(&mut read).expect("good variables");
        assert_eq!(read.api_addr.as_deref(), Some("http://a:1"));
    }

    #[test]
    fn files_and_the_settings_of_a_dev_server_have_variables() {
        let environment = environment(&[
            ("BAO_CONFIG_PATH", "a.hcl, b"),
            ("VAULT_DEV_LISTEN_ADDRESS", "127.0.0.1:0"),
            ("VAULT_DEV_ROOT_TOKEN_ID", "root"),
        ]);
        assert_eq!(environment.paths(), [PathBuf::from("a.hcl"), PathBuf::from("b")]);
        assert_eq!(environment.dev_listen_address().as_deref(), Some("127.0.0.1:0"));
        assert_eq!(environment.dev_root_token_id().as_deref(), Some("root"));
    }

    #[test]
    fn what_is_known_and_not_built_is_told() {
        let environment = environment(&[("VAULT_RAFT_NODE_ID", "a"), ("BAO_UI", "true")]);
        let warnings = environment.apply(&mut configuration()).expect("only warnings");
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        assert!(warnings[1].contains("`BAO_UI`"), "{warnings:?}");
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for variables in
            [&[("BAO_LOG_LEVEL", "loud")], &[("BAO_LOG_FORMAT", "xml")], &[("VAULT_SEAL_TYPE", "awskms")]]
        {
            let problem = environment(variables).apply(&mut configuration()).expect_err(variables[0].1);
            assert!(problem.contains(variables[0].1) && problem.contains("hint: "), "{problem}");
        }
    }
}
