//! The assessments and controls shipped in `content/assessments`.

use std::sync::LazyLock;

use bartizan_base::AssessmentKey;
use include_dir::{Dir, DirEntry, include_dir};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::assessment::Assessment;
use crate::score::Weighing;

static SHIPPED: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../../content/assessments");

static CATALOG: LazyLock<Catalog> =
    LazyLock::new(|| Catalog::shipped().expect("the test `shipped_content_loads` reads every file"));

/// A secure score control.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Control {
    pub id: String,
    pub display_name: String,
    pub max_score: u32,
    pub description: String,
}

/// Everything that is assessed.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    pub assessments: Vec<Assessment>,
    pub controls: Vec<Control>,
}

/// Content that cannot be used, with the file it stands in.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    #[error("cannot read `{file}`")]
    Malformed {
        file: String,
        #[source]
        source: serde_norway::Error,
    },
    #[error("`{file}` belongs to control `{control}`, which does not exist")]
    Control { file: String, control: String },
    #[error("`{file}` uses key `{key}` a second time")]
    Twice { file: String, key: AssessmentKey },
}

/// The shipped catalog.
pub fn catalog() -> &'static Catalog {
    &CATALOG
}

impl Catalog {
    /// Reads what is shipped.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub fn shipped() -> Result<Self, CatalogError> {
        let mut catalog = Self::default();
        for file in files(&SHIPPED) {
            let name = file.path().display().to_string();
            let malformed = |source| CatalogError::Malformed { file: name.clone(), source };
            if name == "controls.yaml" {
                catalog.controls = serde_norway::from_slice(file.contents()).map_err(malformed)?;
            } else if name.ends_with("/assessment.yaml") {
                let assessment: Assessment = serde_norway::from_slice(file.contents()).map_err(malformed)?;
                if catalog.assessments.iter().any(|other| other.key == assessment.key) {
                    return Err(CatalogError::Twice { file: name, key: assessment.key });
                }
                catalog.assessments.push(assessment);
            }
        }
        let missing = catalog.assessments.iter().find(|assessment| catalog.control_of(assessment).is_none());
        match missing {
            Some(assessment) => Err(CatalogError::Control {
                file: assessment.display_name.clone(),
                control: assessment.control.clone(),
            }),
            None => Ok(catalog),
        }
    }

    /// The assessment with this key.
    pub fn get(&self, key: AssessmentKey) -> Option<&Assessment> {
        self.assessments.iter().find(|assessment| assessment.key == key)
    }

    /// The control an assessment belongs to.
    pub fn control_of(&self, assessment: &Assessment) -> Option<&Control> {
        self.controls.iter().find(|control| control.display_name == assessment.control)
    }

    /// The assessments of a control that count in its score.
    pub fn scored<'c>(&'c self, control: &'c Control) -> impl Iterator<Item = &'c Assessment> {
        self.assessments
            .iter()
            .filter(|assessment| !assessment.preview && assessment.control == control.display_name)
    }

    /// The controls as scoring needs them.
    pub fn weighings(&self) -> Vec<Weighing> {
        let weighing = |control: &Control| Weighing {
            id: control.id.clone(),
            max: control.max_score,
            assessments: self.scored(control).map(|assessment| assessment.key).collect(),
        };
        self.controls.iter().map(weighing).collect()
    }

    /// The ARM object of a control's definition.
    pub fn control_definition(&self, control: &Control) -> Value {
        let assessments: Vec<Value> = self
            .scored(control)
            .map(|assessment| json!({"id": format!("/providers/Microsoft.Security/assessmentMetadata/{}", assessment.key)}))
            .collect();
        json!({
            "id": format!("/providers/Microsoft.Security/secureScoreControlDefinitions/{}", control.id),
            "name": control.id,
            "type": "Microsoft.Security/secureScoreControlDefinitions",
            "properties": {
                "displayName": control.display_name,
                "description": control.description,
                "maxScore": control.max_score,
                "source": {"sourceType": "BuiltIn"},
                "assessmentDefinitions": assessments,
            },
        })
    }
}

fn files(dir: &'static Dir<'static>) -> Vec<&'static include_dir::File<'static>> {
    let entries = dir.entries().iter();
    entries
        .flat_map(|entry| match entry {
            DirEntry::Dir(dir) => files(dir),
            DirEntry::File(file) => vec![file],
        })
        .collect()
}
