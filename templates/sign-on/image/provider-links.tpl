<TMPL_IF NAME="PROVIDERS">
  <div class="card">
  <div class="form">
  <TMPL_LOOP NAME="PROVIDERS">
    <p class="text-center"><a class="btn btn-primary" href="/auth/?provider=<TMPL_VAR NAME="PROVIDER" ESCAPE=URL><TMPL_IF NAME="URL">&amp;url=<TMPL_VAR NAME="URL" ESCAPE=URL></TMPL_IF>"><span class="fa fa-sign-in"></span> Sign in with <TMPL_VAR NAME="LABEL" ESCAPE=HTML></a></p>
  </TMPL_LOOP>
  </div>
  </div>
</TMPL_IF>
