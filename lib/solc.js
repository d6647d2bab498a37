#!/usr/bin/env node
// The pinned compiler (npm package solc) behind the two calls that foundry makes: `--version` and standard JSON on stdin.
"use strict";
const compiler = require("solc");

if (process.argv.includes("--version")) {
  process.stdout.write(`solc, the solidity compiler commandline interface\nVersion: ${compiler.version()}\n`);
} else {
  const chunks = [];
  process.stdin.on("data", (chunk) => chunks.push(chunk));
  process.stdin.on("end", () => process.stdout.write(compiler.compile(Buffer.concat(chunks).toString("utf8"))));
}
