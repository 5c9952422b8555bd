//! The environment variables that the peers' programs read.

use std::fmt;
use std::str::FromStr;

/// Environment variables: those of the process, or made up ones, so that whatever reads them can be tested.
///
/// OpenBao's name comes first wherever there are two: asked for `VAULT_ADDR`, it looks for `BAO_ADDR` before. An
/// empty variable counts as none.
pub struct Environment(Box<Lookup>);

type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

/// Where a setting was read from, or could have been: what a hint about it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Variables: the one that was read, or all that would have been.
    Variables(Vec<String>),
    /// An argument of a configuration.
    Argument(&'static str),
}

impl Origin {
    /// The names, in backticks: `` `BAO_ADDR` or `VAULT_ADDR` ``.
    pub fn names(&self) -> String {
        match self {
            Self::Variables(names) => {
                names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ")
            }
            Self::Argument(name) => format!("`{name}`"),
        }
    }

    /// What to write so that the setting is `value`, in backticks.
    pub(crate) fn set_to(&self, value: &str) -> String {
        match self {
            Self::Variables(names) => {
                format!("`{}={value}`", names.first().map(String::as_str).unwrap_or_default())
            }
            Self::Argument(name) => format!("`{name} = \"{value}\"`"),
        }
    }
}

/// Where the settings that hints are about come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origins {
    /// The server's address.
    pub address: Origin,
    /// The token.
    pub token: Origin,
    /// The namespace that all others are relative to.
    pub namespace: Origin,
}

impl Origins {
    /// Those of what `environment` says.
    pub fn of(environment: &Environment) -> Self {
        let agent = environment.read("VAULT_AGENT_ADDR");
        Self {
            address: agent.unwrap_or_else(|| environment.origin("VAULT_ADDR")),
            token: environment.origin("VAULT_TOKEN"),
            namespace: environment.origin("VAULT_NAMESPACE"),
        }
    }
}

impl Default for Origins {
    /// Those where nothing is set.
    fn default() -> Self {
        Self::of(&Environment::new(|_| None))
    }
}

impl Environment {
    /// That of this process.
    pub fn of_process() -> Self {
        Self::new(|name| std::env::var(name).ok())
    }

    /// What `lookup` answers.
    pub fn new(lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Box::new(lookup))
    }

    /// The variable called `name`.
    pub fn text(&self, name: &str) -> Option<String> {
        self.found(name).map(|(_, text)| text)
    }

    /// The variable called `name` as a truth value, in the spellings that Go takes.
    ///
    /// # Errors
    /// A sentence that names the variable, if it holds something else.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, String> {
        self.parsed(name, "true or false", |text| match text {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
            _ => None,
        })
    }

    /// The variable called `name` as a number.
    ///
    /// # Errors
    /// A sentence that names the variable, if it holds something else.
    pub fn number<T: FromStr>(&self, name: &str) -> Result<Option<T>, String> {
        self.parsed(name, "a number that is not negative", |text| text.parse().ok())
    }

    fn parsed<T>(
        &self,
        name: &str,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, String> {
        let Some((name, text)) = self.found(name) else { return Ok(None) };
        let parsed = parse(text.trim()).map(Some);
        parsed.ok_or_else(|| format!("environment variable `{name}` must be {expected}, and is `{text}`"))
    }

    /// The variable that says what is asked for as `name`; all that could, if none does.
    pub fn origin(&self, name: &str) -> Origin {
        self.read(name).unwrap_or_else(|| Origin::Variables(names(name).collect()))
    }

    /// The variable that says what is asked for as `name`.
    fn read(&self, name: &str) -> Option<Origin> {
        self.found(name).map(|(name, _)| Origin::Variables(vec![name]))
    }

    fn found(&self, name: &str) -> Option<(String, String)> {
        names(name).filter_map(|name| Some((self.0(&name)?, name))).find_map(|(text, name)| {
            let is_set = !text.trim().is_empty();
            is_set.then_some((name, text))
        })
    }
}

/// The names that are looked for, when asked for `name`.
fn names(name: &str) -> impl Iterator<Item = String> {
    let newer = name.strip_prefix("VAULT_").map(|rest| format!("BAO_{rest}"));
    newer.into_iter().chain([name.to_owned()])
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(environment)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &'static str, value: &'static str) -> Environment {
        Environment::new(move |asked| (asked == name).then(|| value.to_owned()))
    }

    #[test]
    fn truth_is_spelled_as_in_go() {
        for (text, expected) in [("1", true), ("t", true), ("TRUE", true), ("0", false), ("False", false)] {
            assert_eq!(
                with("VAULT_SKIP_VERIFY", text).flag("VAULT_SKIP_VERIFY"),
                Ok(Some(expected)),
                "{text}"
            );
        }
        let error = with("BAO_SKIP_VERIFY", "yes").flag("VAULT_SKIP_VERIFY").unwrap_err();
        assert_eq!(error, "environment variable `BAO_SKIP_VERIFY` must be true or false, and is `yes`");
    }

    #[test]
    fn the_newer_name_wins_and_an_empty_one_counts_as_none() {
        let both = |name: &str| match name {
            "BAO_ADDR" => Some("new".to_owned()),
            "VAULT_ADDR" => Some("old".to_owned()),
            "BAO_TOKEN" => Some(String::new()),
            "VAULT_TOKEN" => Some("token".to_owned()),
            _ => None,
        };
        let environment = Environment::new(both);
        assert_eq!(environment.text("VAULT_ADDR").as_deref(), Some("new"));
        assert_eq!(environment.text("VAULT_TOKEN").as_deref(), Some("token"));
        assert_eq!(environment.text("VAULT_NAMESPACE"), None);
    }

    #[test]
    fn a_hint_names_the_variable_that_counts_and_all_where_none_is_set() {
        let named = |environment: &Environment| {
            let Origins { address, token, namespace } = Origins::of(environment);
            [address.names(), token.names(), namespace.names()]
        };
        let both = Environment::new(|name| match name {
            "BAO_ADDR" | "VAULT_ADDR" | "VAULT_TOKEN" => Some("set".to_owned()),
            "BAO_TOKEN" => Some(String::new()),
            _ => None,
        });
        assert_eq!(named(&both), ["`BAO_ADDR`", "`VAULT_TOKEN`", "`BAO_NAMESPACE` or `VAULT_NAMESPACE`"]);
        assert_eq!(named(&with("VAULT_ADDR", "a"))[0], "`VAULT_ADDR`");
        assert_eq!(named(&with("BAO_AGENT_ADDR", "a"))[0], "`BAO_AGENT_ADDR`");
        assert_eq!(named(&with("HOME", "a"))[0], "`BAO_ADDR` or `VAULT_ADDR`");
        let address = Origins::of(&with("VAULT_ADDR", "a")).address;
        assert_eq!(address.set_to("http://b"), "`VAULT_ADDR=http://b`");
        assert_eq!(Origin::Argument("address").set_to("http://b"), "`address = \"http://b\"`");
    }

    #[test]
    fn a_number_that_is_none_is_an_error() {
        assert_eq!(with("VAULT_MAX_RETRIES", "3").number::<u32>("VAULT_MAX_RETRIES"), Ok(Some(3)));
        assert!(with("VAULT_MAX_RETRIES", "-1").number::<u32>("VAULT_MAX_RETRIES").is_err());
    }
}
