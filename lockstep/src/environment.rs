//! What the environment says to the server, as OpenBao reads it: `BAO_…`, and `VAULT_…` where that is not set.

use std::env::VarError;
use std::path::PathBuf;

use server::config::{Configuration, LogFormat};
use server::log::Level;

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
pub(crate) fn of_process() -> Environment<impl Fn(&str) -> Result<String, VarError>> {
    Environment(|name: &str| std::env::var(name))
}

impl<F: Fn(&str) -> Result<String, VarError>> Environment<F> {
    /// The variable that counts and what it says: `BAO_<name>`, else `VAULT_<name>`. One that is set and empty hides the
    /// other.
    fn set(&self, name: &str) -> Result<Option<(String, String)>, String> {
        for name in [format!("BAO_{name}"), format!("VAULT_{name}")] {
            match (self.0)(&name) {
                Ok(text) => return Ok(Some((name, text))),
                Err(VarError::NotPresent) => {}
                Err(VarError::NotUnicode(_)) => return Err(no_text(&name)),
            }
        }
        Ok(None)
    }

    fn text(&self, name: &str) -> Result<Option<String>, String> {
        Ok(self.set(name)?.map(|(_, text)| text).filter(|text| !text.is_empty()))
    }

    /// The variable of the root token of a dev server, if one is set.
    ///
    /// # Errors
    /// For a variable that is no text.
    pub(crate) fn names_dev_root_token_id(&self) -> Result<Option<String>, String> {
        let set = self.set("DEV_ROOT_TOKEN_ID")?.filter(|(_, text)| !text.is_empty());
        Ok(set.map(|(name, _)| name))
    }

    /// Configuration files and folders, separated by commas.
    ///
    /// # Errors
    /// For a variable that is no text.
    pub(crate) fn paths(&self) -> Result<Vec<PathBuf>, String> {
        let text = self.text("CONFIG_PATH")?.unwrap_or_default();
        Ok(text.split(',').map(str::trim).filter(|path| !path.is_empty()).map(PathBuf::from).collect())
    }

    /// The address of a dev server.
    ///
    /// # Errors
    /// For a variable that is no text.
    pub(crate) fn dev_listen_address(&self) -> Result<Option<String>, String> {
        self.text("DEV_LISTEN_ADDRESS")
    }

    /// The root token of a dev server.
    ///
    /// # Errors
    /// For a variable that is no text.
    pub(crate) fn dev_root_token_id(&self) -> Result<Option<String>, String> {
        self.text("DEV_ROOT_TOKEN_ID")
    }

    /// Lets the environment win over the files. Answers warnings.
    ///
    /// # Errors
    /// For what means nothing, and for what must not be left out silently.
    pub(crate) fn apply(&self, configuration: &mut Configuration) -> Result<Vec<String>, String> {
        self.require_shamir()?;
        for name in ["API_ADDR", "REDIRECT_ADDR", "ADVERTISE_ADDR"] {
            if let Some(address) = self.text(name)? {
                configuration.api_addr = Some(address);
                break;
            }
        }
        if let Some(address) = self.text("CLUSTER_ADDR")? {
            configuration.cluster_addr = Some(address);
        }
        if let Some((name, text)) = self.set("LOG_LEVEL")? {
            configuration.log_level = Level::named(&text).ok_or_else(|| {
                wrong(&name, &text, "is no level", "write trace, debug, info, warn or error")
            })?;
        }
        if let Some((name, text)) = self.set("LOG_FORMAT")? {
            configuration.log_format = LogFormat::named(&text)
                .ok_or_else(|| wrong(&name, &text, "is no format", "write standard or json"))?;
        }
        Ok(self.warnings())
    }

    /// A server without the seal that it was told to have would be another one.
    fn require_shamir(&self) -> Result<(), String> {
        match self.set("SEAL_TYPE")?.filter(|(_, kind)| !kind.is_empty() && kind != "shamir") {
            Some((name, kind)) => {
                let hint = "unset it, and the server is unsealed by Shamir shares";
                Err(wrong(&name, &kind, "is not built yet", hint))
            }
            None => Ok(()),
        }
    }

    fn warnings(&self) -> Vec<String> {
        // One that is no text is set all the same.
        let names = WITHOUT_EFFECT.into_iter().filter(|name| self.text(name) != Ok(None));
        let names = names.map(|name| match self.set(name) {
            Ok(Some((name, _))) => name,
            _ => format!("BAO_{name}"),
        });
        names.map(|name| format!("warning: `{name}` is set, but has no effect on this server")).collect()
    }
}

/// Never with what it holds, which may be a token.
fn no_text(name: &str) -> String {
    format!("error: `{name}` is set to what is no UTF-8 text\nhint: set it to text, or unset it")
}

fn wrong(name: &str, value: &str, problem: &str, hint: &str) -> String {
    format!("error: `{name}` is `{value}`, which {problem}\nhint: {hint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(
        variables: &'static [(&'static str, &'static str)],
    ) -> Environment<impl Fn(&str) -> Result<String, VarError>> {
        Environment(move |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            match found {
                Some((_, NO_TEXT)) => Err(VarError::NotUnicode(NO_TEXT.into())),
                Some((_, value)) => Ok((*value).to_owned()),
                None => Err(VarError::NotPresent),
            }
        })
    }

    /// Stands for bytes that are no text.
    const NO_TEXT: &str = "(no text)";

    #[test]
    fn a_variable_that_is_no_text_is_refused_by_its_name() {
        let expected = |name: &str| {
            Err(format!("error: `{name}` is set to what is no UTF-8 text\nhint: set it to text, or unset it"))
        };
        let token = environment(&[("VAULT_DEV_ROOT_TOKEN_ID", NO_TEXT)]);
        assert_eq!(token.dev_root_token_id().map(drop), expected("VAULT_DEV_ROOT_TOKEN_ID"));
        let address = environment(&[("BAO_API_ADDR", NO_TEXT), ("VAULT_API_ADDR", "http://other:1")]);
        assert_eq!(address.apply(&mut configuration()).map(drop), expected("BAO_API_ADDR"));
        let hidden = environment(&[("BAO_LOG_LEVEL", "info"), ("VAULT_LOG_LEVEL", NO_TEXT)]);
        assert_eq!(hidden.apply(&mut configuration()), Ok(Vec::new()));
        let warnings = environment(&[("BAO_UI", NO_TEXT)]).apply(&mut configuration()).expect("a warning");
        assert_eq!(warnings.len(), 1, "{warnings:?}");
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
        assert_eq!((read.log_level, read.log_format), (Some(Level::Debug), LogFormat::Json));
        assert!(warnings.is_empty(), "{warnings:?}");
    }

    #[test]
    fn a_variable_that_is_set_and_empty_hides_the_other_name() {
        let mut read = configuration();
        let environment = environment(&[("BAO_API_ADDR", ""), ("VAULT_API_ADDR", "http://other:1")]);
        environment.apply(&mut read).expect("good variables");
        assert_eq!(read.api_addr.as_deref(), Some("http://file:1"));
        assert_eq!(read.log_level, Some(Level::Warn));
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
        assert_eq!(environment.paths(), Ok(vec![PathBuf::from("a.hcl"), PathBuf::from("b")]));
        assert_eq!(environment.dev_listen_address(), Ok(Some("127.0.0.1:0".to_owned())));
        assert_eq!(environment.dev_root_token_id(), Ok(Some("root".to_owned())));
    }

    #[test]
    fn what_is_known_and_not_built_is_told() {
        let environment = environment(&[("VAULT_RAFT_NODE_ID", "a"), ("BAO_UI", "true")]);
        let warnings = environment.apply(&mut configuration()).expect("only warnings");
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        assert!(warnings[0].contains("`VAULT_RAFT_NODE_ID`"), "{warnings:?}");
        assert!(warnings[1].contains("`BAO_UI`"), "{warnings:?}");
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for variables in
            [&[("BAO_LOG_LEVEL", "loud")], &[("BAO_LOG_FORMAT", "xml")], &[("VAULT_SEAL_TYPE", "awskms")]]
        {
            let problem = environment(variables).apply(&mut configuration()).expect_err(variables[0].1);
            assert!(
                problem.contains(variables[0].1)
                    && problem.contains("hint: ")
                    && problem.contains(variables[0].0),
                "{problem}"
            );
        }
    }
}
