// Builds a schema of a server's introspection and validates it:
// node check.mjs URL.
import {buildClientSchema, getIntrospectionQuery, printSchema, validateSchema, buildSchema} from 'graphql';

const response = await fetch(process.argv[2], {
  method: 'POST',
  headers: {'content-type': 'application/json'},
  body: JSON.stringify({query: getIntrospectionQuery({inputValueDeprecation: true, directiveIsRepeatable: true, specifiedByUrl: true, schemaDescription: true})}),
});
const {data, errors} = await response.json();
if (errors) throw new Error(JSON.stringify(errors));
const schema = buildClientSchema(data);
const faults = validateSchema(schema).map((e) => e.message);
if (faults.length > 0) throw new Error(faults.join('\n'));
buildSchema(printSchema(schema));
console.log('valid');
