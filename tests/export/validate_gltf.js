// Prints the Khronos validator's report on a file as JSON: node validate_gltf.js MODULES FILE
const path = require('path');
const fs = require('fs');

const [modules, file] = process.argv.slice(2);
const validator = require(path.join(modules, 'gltf-validator'));
validator
  .validateBytes(new Uint8Array(fs.readFileSync(file)), { maxIssues: 20 })
  .then((report) => console.log(JSON.stringify({ version: validator.version(), ...report })));
