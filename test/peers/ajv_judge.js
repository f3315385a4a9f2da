/*
 * ajv as a judge: reads lines {"dialect", "schema", "instances"}, answers each with an array of
 * true and false, or with {"refused": why} where ajv does not take the schema.  NODE_PATH says
 * where ajv is.  Formats are annotations.
 */
'use strict'
const engines = {
  draft7: require('ajv').default,
  '2019-09': require('ajv/dist/2019').default,
  '2020-12': require('ajv/dist/2020').default
}
const options = { strict: false, validateFormats: false, logger: false, addUsedSchema: false }
const instances = {}

// one instance a dialect for what has no name; a schema with names could meet its own from before
function engine (dialect, text) {
  if (text.includes('"$id"')) return new engines[dialect](options)
  return (instances[dialect] ??= new engines[dialect](options))
}

function judge (line) {
  const { dialect, schema, instances } = JSON.parse(line)
  const ajv = engine(dialect, line)
  try {
    const validate = ajv.compile(schema)
    return instances.map(instance => {
      try { return validate(instance) } catch (error) { return null }
    })
  } catch (error) {
    return { refused: String(error.message).slice(0, 200) }
  } finally {
    if (typeof schema === 'object') ajv.removeSchema(schema)
  }
}

require('readline').createInterface({ input: process.stdin }).on('line', line => {
  process.stdout.write(JSON.stringify(judge(line)) + '\n')
})
