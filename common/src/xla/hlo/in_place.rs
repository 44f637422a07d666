//! Instructions that overwrite an operand: the result lies where the operand lay.

use super::flow::{Edge, Flow};
use super::{Module, Opcode};

/// How many instructions that only hand a value on are followed in a fusion. More
/// than two or three do not stand one behind the other in what a compiler gives.
const HOPS: usize = 64;

/// How many fusions inside each other are looked into.
const DEPTH: usize = 3;

/// Adds which operands an instruction overwrites.
pub(super) fn add(flow: &mut Flow, module: &Module, index: u32) {
    let instruction = &module.instructions[index as usize];
    let Some(own) = flow.position(index, 0) else {
        return;
    };
    let mut edges = Vec::new();
    for aliasing in &instruction.aliasing {
        let output = instruction.shape.at(&aliasing.output);
        let operand = flow.operand(module, instruction, aliasing.operand as usize);
        if let (Some((node, _)), Some((from, shape))) = (output, operand)
            && let Some((inner, _)) = shape.at(&aliasing.index)
        {
            edges.push((own + node, from + inner));
        }
    }
    if overwrites(instruction.opcode) {
        for node in 0..instruction.shape.nodes() {
            if let Some((operand, inner)) = overwritten(module, index, node, 0)
                && let Some((from, shape)) = flow.operand(module, instruction, operand)
                && inner < shape.nodes()
            {
                edges.push((own + node, from + inner));
            }
        }
    }
    let edges = edges.into_iter().map(|(target, source)| Edge {
        target,
        source,
        length: 1,
    });
    flow.overwritten.extend(edges);
}

fn overwrites(opcode: Opcode) -> bool {
    matches!(
        opcode,
        Opcode::Fusion
            | Opcode::DynamicUpdateSlice
            | Opcode::Scatter
            | Opcode::AllReduceStart
            | Opcode::CollectivePermute
            | Opcode::CollectivePermuteStart
            | Opcode::RaggedAllToAll
            | Opcode::SetDimensionSize
    )
}

/// The operand, and the node of its shape, that a node of an instruction's result
/// overwrites.
fn overwritten(module: &Module, index: u32, node: u32, depth: usize) -> Option<(usize, u32)> {
    let instruction = &module.instructions[index as usize];
    let operands = instruction.operands.len();
    let one_by_one = |count: usize| match (count, node) {
        (1, 0) => Some((0, 0)),
        (1, _) | (_, 0) => None,
        (_, node) => Some((node as usize - 1, 0)).filter(|&(operand, _)| operand < count),
    };
    match instruction.opcode {
        Opcode::DynamicUpdateSlice | Opcode::SetDimensionSize if node == 0 => Some((0, 0)),
        // As many operands as updates, and one with the indices.
        Opcode::Scatter => one_by_one(operands.saturating_sub(1) / 2),
        Opcode::AllReduceStart => one_by_one(operands),
        Opcode::RaggedAllToAll if node == 0 => Some((1, 0)),
        // The form with the place to write to: input, output and where in both.
        Opcode::CollectivePermute if operands == 4 => Some((1, node)),
        Opcode::CollectivePermuteStart if operands == 4 => {
            let (from, shape) = instruction.shape.at(&[1])?;
            let inner = node.checked_sub(from)?;
            (inner < shape.nodes()).then_some((1, inner))
        }
        Opcode::Fusion if depth < DEPTH => {
            let root = module.computations[*instruction.called.first()? as usize].root;
            let (mut at, mut inner) = source(module, root, node)?;
            // What is fused overwrites what goes back to a parameter.
            for level in depth + 1..=DEPTH {
                let (operand, within) = overwritten(module, at, inner, level)?;
                let (operand, from) = operand_of(module, at, operand)?;
                (at, inner) = source(module, operand, from.checked_add(within)?)?;
                let found = &module.instructions[at as usize];
                match found.opcode {
                    Opcode::Parameter => return Some((found.number as usize, inner)),
                    Opcode::Fusion => {}
                    _ => return None,
                }
            }
            None
        }
        _ => None,
    }
}

/// The instruction of an operand, and the node of its result that is taken.
fn operand_of(module: &Module, index: u32, number: usize) -> Option<(u32, u32)> {
    let operand = module.instructions[index as usize].operands.get(number)?;
    let shape = &module.instructions[operand.instruction as usize].shape;
    Some((operand.instruction, shape.at(&operand.element)?.0))
}

/// Where a node of a result comes from, through what only hands it on.
fn source(module: &Module, mut index: u32, mut node: u32) -> Option<(u32, u32)> {
    for _ in 0..HOPS {
        let instruction = &module.instructions[index as usize];
        let (operand, inner) = match instruction.opcode {
            Opcode::Tuple if node > 0 => {
                let children = instruction.shape.children();
                let number = children.partition_point(|&(from, _)| from <= node);
                let number = number.checked_sub(1)?;
                (number, node - children[number].0)
            }
            Opcode::GetTupleElement => {
                let (of, from) = operand_of(module, index, 0)?;
                let whole = &module.instructions[of as usize].shape;
                // The operand itself may be an element of a tuple.
                let operand = instruction.operands.first()?;
                let (_, taken) = whole.at(&operand.element)?;
                let (element, _) = taken.at(&[instruction.number])?;
                (index, node) = (of, from.checked_add(element)?.checked_add(node)?);
                continue;
            }
            Opcode::Forward if node == 0 => (0, 0),
            _ => return Some((index, node)),
        };
        let (of, from) = operand_of(module, index, operand)?;
        (index, node) = (of, from.checked_add(inner)?);
    }
    None
}
