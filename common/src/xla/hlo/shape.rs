//! The tuple tree of an instruction's result. What memory is concerned, an array,
//! a token and the like are all leaves.
//!
//! Every node of the tree, tuples too, is a value of its own, and has a number:
//! its place in preorder, so that a subtree is a range of numbers.

/// A tree of tuples.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::xla) enum Shape {
    #[default]
    Leaf,
    Tuple(Box<Tuple>),
}

/// The children of a tuple, each with its number in the whole tuple.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::xla) struct Tuple {
    nodes: u32,
    children: Vec<(u32, Shape)>,
}

impl Shape {
    /// A tuple of these; `None` where its nodes cannot be numbered.
    pub(super) fn tuple(shapes: Vec<Shape>) -> Option<Shape> {
        let mut nodes = 1u32;
        let mut children = Vec::with_capacity(shapes.len());
        for shape in shapes {
            let from = nodes;
            nodes = nodes.checked_add(shape.nodes())?;
            children.push((from, shape));
        }
        Some(Shape::Tuple(Box::new(Tuple { nodes, children })))
    }

    /// How many nodes the tree has.
    pub(in crate::xla) fn nodes(&self) -> u32 {
        match self {
            Shape::Leaf => 1,
            Shape::Tuple(tuple) => tuple.nodes,
        }
    }

    /// The elements of a tuple, each with its number; none of a leaf.
    pub(in crate::xla) fn children(&self) -> &[(u32, Shape)] {
        match self {
            Shape::Leaf => &[],
            Shape::Tuple(tuple) => &tuple.children,
        }
    }

    /// The node that a tuple index leads to, with its number.
    pub(in crate::xla) fn at(&self, index: &[u32]) -> Option<(u32, &Shape)> {
        let mut found = (0, self);
        for &element in index {
            let (from, shape) = found.1.children().get(element as usize)?;
            found = (found.0 + from, shape);
        }
        Some(found)
    }
}
