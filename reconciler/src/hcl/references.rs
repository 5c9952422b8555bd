//! Which names an expression uses, without evaluating it.

use std::collections::BTreeSet;

use hcl_edit::expr::{Expression, Traversal, TraversalOperator};
use hcl_edit::visit::{Visit, visit_traversal};

/// The second words of traversals that begin with `root`: the `a` of `local.a`.
pub(crate) fn variables_in(expression: &Expression, root: &str) -> BTreeSet<String> {
    let mut visitor = Names { root, found: BTreeSet::new() };
    visitor.visit_expr(expression);
    visitor.found
}

struct Names<'a> {
    root: &'a str,
    found: BTreeSet<String>,
}

impl Visit for Names<'_> {
    fn visit_traversal(&mut self, node: &Traversal) {
        let is_root = node.expr.as_variable().is_some_and(|name| name.as_str() == self.root);
        if let (true, Some(first)) = (is_root, node.operators.first()) {
            self.found.extend(match first.value() {
                TraversalOperator::GetAttr(name) => Some(name.to_string()),
                TraversalOperator::Index(Expression::String(name)) => Some(name.value().clone()),
                _ => None,
            });
        }
        visit_traversal(self, node);
    }
}
