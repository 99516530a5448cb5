//! Operators over graphs.

use super::{Operator, setting};

pub(super) const OPERATORS: &[Operator] = &[
    Operator::new(
        "make-graph",
        &[
            "Edges | make-graph Source --> Target with Nodes on Key [, Nodes on Key]",
            "Edges | make-graph Source --> Target [with_node_id = Name] [partitioned-by Column (Operators)]",
        ],
        "makes a graph of a table of edges, with or without tables of nodes",
        "datatable(a: string, b: string)['x', 'y', 'y', 'z'] | make-graph a --> b with_node_id=id | graph-to-table nodes",
    )
    .settings(&[setting("with_node_id", &[], "the name of the nodes' column when no table of nodes is given")]),
    Operator::new(
        "graph-match",
        &["G | graph-match (Node)-[Edge]->(Node)…, … [where Condition] project [Name =] Expression, …"],
        "rows for each place of a graph where a pattern of nodes and edges fits",
        "datatable(a: string, b: string)['x', 'y', 'y', 'z'] | make-graph a --> b with_node_id=id | graph-match (p)-[e]->(q) project p.id, q.id",
    )
    .settings(&[setting("cycles", &["all", "none", "unique_edges"], "whether a path may meet a node or an edge twice")]),
    Operator::new(
        "graph-shortest-paths",
        &["G | graph-shortest-paths (Node)-[Edge*Min..Max]->(Node) [where Condition] project [Name =] Expression, …"],
        "the shortest paths between nodes that fit a pattern",
        "datatable(a: string, b: string)['x', 'y', 'y', 'z'] | make-graph a --> b with_node_id=id | graph-shortest-paths (p)-[e*1..5]->(q) where p.id == 'x' and q.id == 'z' project q.id",
    )
    .settings(&[setting("output", &["any", "all"], "one path for each pair of nodes, or all of them")]),
    Operator::new(
        "graph-to-table",
        &["G | graph-to-table nodes [as Name] [with_node_id=Name], edges [as Name] [with_source_id=Name] [with_target_id=Name]"],
        "gives the nodes or the edges of a graph as a table",
        "datatable(a: string, b: string)['x', 'y'] | make-graph a --> b with_node_id=id | graph-to-table edges",
    )
    .settings(&[
        setting("with_node_id", &[], "a new column with a number for each node"),
        setting("with_source_id", &[], "a new column with the number of the edge's source"),
        setting("with_target_id", &[], "a new column with the number of the edge's target"),
    ]),
    Operator::new(
        "graph-mark-components",
        &["G | graph-mark-components [kind=Kind] [with_component_id=Name]"],
        "numbers the connected parts of a graph in a new column of its nodes",
        "datatable(a: string, b: string)['x', 'y', 'u', 'v'] | make-graph a --> b with_node_id=id | graph-mark-components | graph-to-table nodes",
    )
    .settings(&[
        setting("kind", &["weak", "strong"], "whether the direction of edges matters; it does not when not said"),
        setting("with_component_id", &[], "the name of the column; `ComponentId` when not said"),
    ]),
    Operator::new(
        "graph-where-nodes",
        &["G | graph-where-nodes Condition"],
        "keeps the nodes for which a condition holds, and the edges between them",
        "datatable(a: string, b: string)['x', 'y'] | make-graph a --> b with_node_id=id | graph-where-nodes id != 'z' | graph-to-table nodes",
    ),
    Operator::new(
        "graph-where-edges",
        &["G | graph-where-edges Condition"],
        "keeps the edges for which a condition holds, and all nodes",
        "datatable(a: string, b: string)['x', 'y'] | make-graph a --> b with_node_id=id | graph-where-edges a == 'x' | graph-to-table edges",
    ),
];
