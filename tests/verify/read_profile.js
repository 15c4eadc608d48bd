// What npm packages make of our files: read_profile.js FOLDER_OF_PACKAGES, then a line each on standard input:
//   pprof FILE         pprof-format decodes it: the profile as JSON
//   speedscope FILE    ajv holds it to speedscope's own schema: the list of errors as JSON
const fs = require('fs');
const zlib = require('zlib');
const packages = require('path').resolve(process.argv[2], 'node_modules');
const { Profile } = require(packages + '/pprof-format');
const Ajv = require(packages + '/ajv').default;

const schema = JSON.parse(fs.readFileSync(packages + '/speedscope/dist/release/file-format-schema.json', 'utf8'));
const holds = new Ajv({ strict: false, allErrors: true }).compile(schema);
const plain = (key, value) => (typeof value === 'bigint' ? Number(value) : value);

for (const line of fs.readFileSync(0, 'utf8').split('\n')) {
  if (line === '') continue;
  const [what, file] = [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)];
  const bytes = fs.readFileSync(file);
  if (what === 'pprof') {
    const profile = Profile.decode(bytes[0] === 0x1f ? zlib.gunzipSync(bytes) : bytes);
    profile.stringTable = profile.stringTable.strings;
    console.log(JSON.stringify(profile, plain));
  } else {
    console.log(JSON.stringify(holds(JSON.parse(bytes)) ? [] : holds.errors));
  }
}
