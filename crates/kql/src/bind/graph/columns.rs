//! Which columns a bound expression reads, and the same expression over other columns.

use crate::bound::{PathSegment, Scalar, ScalarKind};

/// Calls `seen` with the position of each column read. Sub-queries read columns of their own.
pub(super) fn visit(scalar: &Scalar, seen: &mut impl FnMut(usize)) {
    match &scalar.kind {
        ScalarKind::Column(at) => seen(*at),
        ScalarKind::Call { args, .. } => args.iter().for_each(|arg| visit(arg, seen)),
        ScalarKind::Path { value, segments } => {
            visit(value, seen);
            for segment in segments {
                if let PathSegment::Dynamic(key) = segment {
                    visit(key, seen);
                }
            }
        }
        ScalarKind::InRelation { value, .. } => visit(value, seen),
        ScalarKind::Literal(_) | ScalarKind::ToScalar(_) => {}
    }
}

/// Gives each column its new position.
pub(super) fn renumber(scalar: &mut Scalar, place: &impl Fn(usize) -> usize) {
    match &mut scalar.kind {
        ScalarKind::Column(at) => *at = place(*at),
        ScalarKind::Call { args, .. } => args.iter_mut().for_each(|arg| renumber(arg, place)),
        ScalarKind::Path { value, segments } => {
            renumber(value, place);
            for segment in segments {
                if let PathSegment::Dynamic(key) = segment {
                    renumber(key, place);
                }
            }
        }
        ScalarKind::InRelation { value, .. } => renumber(value, place),
        ScalarKind::Literal(_) | ScalarKind::ToScalar(_) => {}
    }
}
