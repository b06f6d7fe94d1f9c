//! A sound fleet -> the tree of files: render, judge what was rendered, assemble.

use std::sync::Arc;

use meshwright_policies::finding::Findings;
use meshwright_policies::mesh::Fleet;

use crate::assemble::{AssembleError, Assembly, assemble, assemble_beside};
use crate::compile;
use crate::memory::Memory;
use crate::publish::Tree;
use crate::soundness::{self, Declarations};

/// Renders the fleet.
///
/// # Errors
/// Findings: objects that are rendered twice, or that their own declaration would refuse.
pub fn build(fleet: &Fleet) -> Result<Tree, Findings> {
    build_with_warnings(fleet).map(|(tree, _)| tree)
}

/// [`build`], with warnings about objects that are carried over.
///
/// # Errors
/// As there.
pub fn build_with_warnings(fleet: &Fleet) -> Result<(Tree, Findings), Findings> {
    let output = compile::render(fleet);
    let judged = soundness::check(fleet, &output);
    if judged.has_errors() {
        return Err(judged);
    }
    let tree = assemble(fleet, output).map_err(|errors| findings(&errors))?;
    Ok((tree, judged))
}

fn findings(errors: &[AssembleError]) -> Findings {
    let mut findings = Findings::new();
    findings.extend(errors.iter().map(AssembleError::finding));
    findings
}

/// A tree with what it was made of.
#[derive(Debug)]
pub(crate) struct Built {
    assembly: Assembly,
    declarations: Declarations,
    memory: Memory,
    tree: Arc<Tree>,
}

/// Nothing yet.
impl Default for Built {
    fn default() -> Built {
        Built {
            assembly: Assembly::default(),
            declarations: Declarations::default(),
            memory: Memory::keeping(),
            tree: Arc::default(),
        }
    }
}

impl Built {
    /// [`build_with_warnings`] that judges and writes only what is other than in this one, which it replaces.
    ///
    /// # Errors
    /// As there; this one stays.
    pub(crate) fn rebuild(&mut self, fleet: &Fleet) -> Result<(Arc<Tree>, Findings), Findings> {
        let output = compile::render_again(fleet, &mut self.memory);
        let declarations = Declarations::beside(fleet, &self.declarations);
        let earlier = Some((&self.assembly, &self.declarations));
        let judged = soundness::check_beside(fleet, &declarations, &output, earlier);
        if judged.has_errors() {
            return Err(judged);
        }
        let assembly =
            assemble_beside(fleet, output, Some(&self.assembly)).map_err(|errors| findings(&errors))?;
        let tree = self.retree(&assembly).map_err(|errors| findings(&errors))?;
        self.assembly = assembly;
        self.declarations = declarations;
        self.tree = Arc::clone(&tree);
        Ok((tree, judged))
    }

    /// The tree of an assembly. Where the paths are the same, only contents are exchanged.
    fn retree(&mut self, assembly: &Assembly) -> Result<Arc<Tree>, Vec<AssembleError>> {
        let (old, new) = (self.assembly.files(), assembly.files());
        if !self.tree.is_empty() && old.map(|(path, _)| path).eq(new.map(|(path, _)| path)) {
            let mut tree = std::mem::take(&mut self.tree);
            let changed = self.assembly.files().zip(assembly.files());
            let changed = changed.filter(|((_, old), (_, new))| !Arc::ptr_eq(old, new));
            for (_, (path, content)) in changed {
                Arc::make_mut(&mut tree).replace(path, Arc::clone(content));
            }
            return Ok(tree);
        }
        let mut tree = Tree::new();
        let mut errors = Vec::new();
        for (path, content) in assembly.files() {
            errors.extend(
                tree.insert_content(path.clone(), Arc::clone(content)).err().map(AssembleError::from),
            );
        }
        if errors.is_empty() { Ok(Arc::new(tree)) } else { Err(errors) }
    }
}
