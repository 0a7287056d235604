// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
//
// run_duckdb.mjs FOLDER DATABASE: DuckDB for Python. FOLDER has node_modules. Standard input has a
// line of JSON for each SQL text; for each, standard output gets a line with the rows of its last
// one, or the error.
import { createRequire } from "node:module";
import readline from "node:readline";

const require = createRequire(process.argv[2] + "/");
const { DuckDBInstance } = require("@duckdb/node-api");
const connection = await (await DuckDBInstance.create(process.argv[3])).connect();

for await (const line of readline.createInterface({ input: process.stdin })) {
    let answer;
    try {
        const result = await connection.runAndReadAll(JSON.parse(line));
        answer = { columns: result.columnNames(), rows: result.getRowsJson() };
    } catch (error) {
        answer = { error: String(error) };
    }
    process.stdout.write(JSON.stringify(answer) + "\n");
}
