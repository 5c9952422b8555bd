//! Errors of an evaluation: as many as were found.

use schemas::Diagnostic;

/// What is wrong with an expression. Empty: it uses something that was found wrong already.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Faults(pub(crate) Vec<Diagnostic>);

/// The outcome of an evaluation.
pub(crate) type Eval<T> = Result<T, Faults>;

impl From<Diagnostic> for Faults {
    fn from(diagnostic: Diagnostic) -> Self {
        Self(vec![diagnostic])
    }
}

/// All values, or all faults of those that have none.
pub(crate) fn all<T>(outcomes: impl Iterator<Item = Eval<T>>) -> Eval<Vec<T>> {
    let mut values = Vec::new();
    let mut failed: Option<Faults> = None;
    for outcome in outcomes {
        match outcome {
            Ok(value) => values.push(value),
            Err(Faults(more)) => failed.get_or_insert_default().0.extend(more),
        }
    }
    failed.map_or(Ok(values), Err)
}

/// Two values, or the faults of both.
pub(crate) fn both<A, B>(a: Eval<A>, b: Eval<B>) -> Eval<(A, B)> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (Err(Faults(mut a)), Err(Faults(b))) => {
            a.extend(b);
            Err(Faults(a))
        }
        (Err(faults), _) | (_, Err(faults)) => Err(faults),
    }
}
