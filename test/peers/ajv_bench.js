/*
 * ajv by the clock.  Reads lines, answers each with one line of JSON:
 *   {"load": NAME, "schema": S, "lines": [text, ...]}   true
 *   {"time": NAME, "how": HOW}                          microseconds a row
 * HOW: valid (parsed before), parse (JSON.parse and validate), all (parsed before,
 * every error), compile (microseconds a compilation, in a process that has warmed up).
 * A first line {"versions": true} is answered with those of node and ajv.
 */
'use strict'
const Ajv = require('ajv/dist/2020').default
const options = { strict: false, validateFormats: false, logger: false, addUsedSchema: false }
const cases = {}

function load ({ load, schema, lines }) {
  cases[load] = {
    schema,
    lines,
    parsed: lines.map(line => JSON.parse(line)),
    valid: new Ajv(options).compile(schema),
    all: new Ajv({ ...options, allErrors: true }).compile(schema)
  }
  return true
}

const ways = {
  valid: ({ parsed, valid }) => { let n = 0; for (const one of parsed) n += valid(one); return parsed.length },
  parse: ({ lines, valid }) => { let n = 0; for (const one of lines) n += valid(JSON.parse(one)); return lines.length },
  all: ({ parsed, all }) => { let n = 0; for (const one of parsed) n += all(one); return parsed.length },
  compile: ({ schema }) => {
    const ajv = new Ajv(options)
    ajv.compile({ type: 'null' })
    const copies = Array.from({ length: 20 }, () => structuredClone(schema))
    const start = process.hrtime.bigint()
    for (const one of copies) ajv.compile(one)
    ways.took = process.hrtime.bigint() - start
    return copies.length
  }
}

function time ({ time, how }) {
  const start = process.hrtime.bigint()
  const count = ways[how](cases[time])
  const took = how === 'compile' ? ways.took : process.hrtime.bigint() - start
  return Number(took) / 1000 / count
}

require('readline').createInterface({ input: process.stdin }).on('line', line => {
  const command = JSON.parse(line)
  const answer = command.versions ? { node: process.version.slice(1), ajv: require('ajv/package.json').version } : command.load ? load(command) : time(command)
  process.stdout.write(JSON.stringify(answer) + '\n')
})
