//! Where in a value something is.

use std::fmt;

/// A way from a resource's root to one of its parts.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct AttributePath {
    /// The steps, outermost first.
    pub steps: Vec<Step>,
}

/// One step of an [`AttributePath`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// An attribute or a nested block, by name.
    Attribute(String),
    /// An element of a map, by key.
    Key(String),
    /// An element of a list or tuple, counted from 0.
    Index(i64),
}

impl AttributePath {
    /// The path of a top-level attribute or block.
    pub fn attribute(name: impl Into<String>) -> AttributePath {
        AttributePath::default().then(Step::Attribute(name.into()))
    }

    /// The path one step further down.
    #[must_use]
    pub fn then(mut self, step: Step) -> AttributePath {
        self.steps.push(step);
        self
    }
}

/// As Terraform writes it: `mfa[0].tags["env"]`.
impl fmt::Display for AttributePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.steps.iter().enumerate() {
            match step {
                Step::Attribute(name) if position == 0 => f.write_str(name)?,
                Step::Attribute(name) => write!(f, ".{name}")?,
                Step::Key(key) => write!(f, "[{key:?}]")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}
